/** What a real API server refuses with 422: by two published descriptions of its objects and by its own rules about Jobs. */
import * as client from '@kubernetes/client-node';
import { Job } from 'kubernetes-models/batch/v1';
import { Pod, Service } from 'kubernetes-models/v1';
import type { IJob } from 'kubernetes-models/batch/v1';

const schemas = { Job, Pod, Service };
export type Kind = keyof typeof schemas;

/** Throws an Error that says what is wrong. */
export function validateObject(kind: Kind, object: Record<string, unknown>): void {
  if (object['kind'] !== kind) throw new Error(`kind: '${String(object['kind'])}' is not ${kind}`);
  new schemas[kind](object as never).validate();
  refuseUnknownFields(`V1${kind}`, object, kind);
  if (kind === 'Job') refuseIllegalJob(object as unknown as IJob);
}

interface Described {
  getAttributeTypeMap(): { baseName: string; type: string }[];
}

const descriptions = client as unknown as Record<string, Described | undefined>;

/** As `fieldValidation=Strict` does: a misspelt field would otherwise be dropped in silence. */
function refuseUnknownFields(type: string, value: unknown, path: string): void {
  const element = /^Array<(.+)>$/.exec(type)?.[1];
  if (element && Array.isArray(value)) {
    for (const [index, each] of value.entries())
      refuseUnknownFields(element, each, `${path}[${index}]`);
    return;
  }
  const known = descriptions[type]?.getAttributeTypeMap?.();
  if (!known || typeof value !== 'object' || value === null) return;
  for (const [name, each] of Object.entries(value)) {
    const field = known.find(({ baseName }) => baseName === name);
    if (!field) throw new Error(`strict decoding error: unknown field "${path}.${name}"`);
    refuseUnknownFields(field.type, each, `${path}.${name}`);
  }
}

/** Rules of kube-apiserver's validation that no schema holds. */
function refuseIllegalJob({ metadata, spec }: IJob): void {
  const rules = spec?.podFailurePolicy?.rules ?? [];
  const template = spec?.template.spec;
  const values = rules.flatMap(({ onExitCodes }) => (onExitCodes ? [onExitCodes] : []));
  const problems = [
    /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(metadata?.name ?? '') || 'metadata.name',
    ...Object.entries({ ...metadata?.labels, ...spec?.template.metadata?.labels }).map(
      ([name, value]) =>
        (/^([a-z0-9.-]+\/)?[A-Za-z0-9][\w.-]{0,62}$/.test(name) &&
          /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/.test(value)) ||
        `metadata.labels: ${name}=${value}`,
    ),
    ['Never', 'OnFailure'].includes(template?.restartPolicy ?? '') || 'restartPolicy',
    rules.length === 0 || template?.restartPolicy === 'Never' || 'podFailurePolicy needs Never',
    values.every((each) => each.operator !== 'In' || !each.values.includes(0)) || 'onExitCodes: 0',
    values.every(({ containerName }) =>
      template?.containers.some(({ name }) => name === containerName),
    ) || 'onExitCodes.containerName',
    spec?.completionMode !== 'Indexed' || spec.completions !== undefined || 'completions',
    rules.length === 0 || spec?.podReplacementPolicy !== 'TerminatingOrFailed' || 'podReplacement',
    ...(template?.containers ?? []).flatMap(({ volumeMounts = [] }) =>
      volumeMounts.map(
        (mount) =>
          template?.volumes?.some(({ name }) => name === mount.name) ||
          `volumeMounts: no volume ${mount.name}`,
      ),
    ),
  ].filter((each) => each !== true);
  if (problems.length > 0) throw new Error(`Invalid value: ${problems.join(', ')}`);
}
