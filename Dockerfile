# Everything of Perennial that runs as a process. Targets: `perennial` for the doors and the workers that only decide and compute,
# `perennial-training` with the trainers' Python environment. docker-compose.yml says which process is which command.
FROM node:20-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# The npm that comes with Node 20 does not know which install scripts package.json allows.
RUN npx --yes npm@11.19.1 ci --omit=dev --no-audit --no-fund

FROM node:20-bookworm-slim AS trainer
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv && rm -rf /var/lib/apt/lists/*
COPY trainers/tabular/requirements.lock /build/
RUN python3 -m venv /opt/trainer \
 && /opt/trainer/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /build/requirements.lock

FROM node:20-bookworm-slim AS perennial
# Temporal's core asks the system whom to trust.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY . .
RUN node runtime/launch.mjs --build
RUN mkdir -p /var/lib/perennial /artifacts && chown node:node /var/lib/perennial /artifacts
ENV NODE_ENV=production \
    PERENNIAL_HOME=/var/lib/perennial \
    PERENNIAL_ARTIFACTS=/artifacts \
    PERENNIAL_TRAINER_PYTHON=/opt/trainer/bin/python
USER node
ENTRYPOINT ["node", "runtime/launch.mjs"]

FROM perennial AS perennial-training
USER root
# OpenMP for LightGBM.
RUN apt-get update && apt-get install -y --no-install-recommends python3 libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=trainer /opt/trainer /opt/trainer
USER node
