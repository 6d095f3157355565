/** The two files that `perennial init` writes: complete, valid, every choice explained where it is made. */
export function specTemplate(model: string, owner: string): string {
  return `# What this model promises and what it asks of Perennial. \`perennial check model.yaml\` checks it without a server;
# \`perennial apply model.yaml\` registers it. Every key is described in docs/spec.md; what is left out takes its default.
apiVersion: perennial/v1
model: ${model}            # lower-case letters, digits and dashes
team: my-team
owner: ${owner}            # who answers for it: an id, never a name or an address
description: What is predicted, for whom, and what a wrong answer costs.

data:
  source:
    format: parquet        # or csv
    path: data/*.parquet   # relative to this file
    timeColumn: event_time # when a row happened
  window: 90d              # how much history one training reads, back from the newest row
  entity: customer_id      # what a prediction is about: SQL over the columns
  features:
    - { name: amount, type: number }
    - { name: country, type: category }
    - name: hour           # computed from the source by SQL
      type: number
      expression: extract('hour' FROM event_time)
  label:
    expression: outcome = 'late'   # true or 1 for what is predicted
  holdout: 0.2             # the newest fifth is kept from the trainer and judged on
  contract: contract.yaml  # what the data promises

training:
  trainer: tabular         # LightGBM to ONNX; or a folder with a trainer of your own
  parameters: { trees: 200, learning_rate: 0.05 }
  seed: 1
  timeout: 2h

evaluation:
  primary: roc_auc         # the challenger may not be worse than the champion on this …
  margin: 0.01             # … by more than this, with confidence
  bars:
    roc_auc: { atLeast: 0.6 }      # holds with or without a champion
  slices: [country]        # judged one by one
  minimumRows: 500         # fewer are inconclusive, never a pass

approval:
  approvers: []            # empty: any principal but the one who asked
  quorum: 1
  remindAfter: 1d
  expireAfter: 90d
  # automaticWhen: evaluation.verdict == "pass" && trigger == "schedule"

release:
  steps: [0.05, 0.1, 0.25] # shares of traffic, one after the other
  judge:
    every: 1m
    minimumRequests: 1000
    minimumTime: 30m
    maximumTime: 6h

monitoring:
  every: 1h                # a healthy model costs one check an hour
  minimumRows: 500
  retrain:
    performanceMargin: 0.02
    cooldown: 1d
    maximumPerMonth: 4
`;
}

export function contractTemplate(model: string): string {
  return `# What the data promises, in the Open Data Contract Standard. Rows that break a rule of severity \`error\` go to quarantine.
kind: DataContract
apiVersion: v3.1.0
id: ${model}-data
version: 1.0.0
status: active
schema:
  - name: rows
    properties:
      - name: event_time
        logicalType: timestamp
        required: true
      - name: customer_id
        logicalType: string
        required: true
      - name: amount
        logicalType: number
        required: true
        logicalTypeOptions: { minimum: 0 }
      - name: country
        logicalType: string
        quality:
          - metric: nullValues
            unit: percent
            mustBeLessThan: 5
      - name: outcome
        logicalType: string
        required: true
        quality:
          - metric: invalidValues
            arguments: { validValues: [late, in time] }
            mustBe: 0
    quality:
      - metric: rowCount
        mustBeGreaterThan: 1000
slaProperties:
  - { property: freshness, value: 30, unit: d, element: event_time }
customProperties:
  - { property: maximumQuarantineShare, value: 0.01 }
`;
}
