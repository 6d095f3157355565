import { randomUUID } from 'node:crypto';
import { copyFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where trainers report over HTTP, for backends whose jobs can reach it. */
export interface ProgressDoor {
  /** Address of the control API as a job reaches it. */
  url: string;
  /** A token that holds for this attempt alone. Asked again it gives another; both hold. */
  issueToken: (key: string) => Promise<string>;
  /** PEM file of the authorities that signed the door's certificate, where they are not the system's own. */
  caFile?: string | undefined;
}

/**
 * Lays the token of an attempt into a folder that its trainer sees as `seenAs`, and names the variables of Kubeflow's progress protocol
 * that lead there; Hugging Face's trainers find them without a line of code. Run again it replaces the token by another that holds
 * as well.
 */
export async function openProgressDoor(
  { url, issueToken, caFile }: ProgressDoor,
  { key, folder, seenAs = folder }: { key: string; folder: string; seenAs?: string },
): Promise<Record<string, string>> {
  const [token, authorities] = ['progress-token', 'progress-ca.pem'];
  const draft = join(folder, `${token}.${randomUUID()}`);
  await writeFile(draft, await issueToken(key), { mode: 0o600 });
  await rename(draft, join(folder, token));
  if (caFile !== undefined) await copyFile(caFile, join(folder, authorities));
  return {
    KUBEFLOW_TRAINER_SERVER_URL: new URL(`/api/v1/trainings/${key}/progress`, url).href,
    KUBEFLOW_TRAINER_SERVER_TOKEN: join(seenAs, token),
    ...(caFile !== undefined && { KUBEFLOW_TRAINER_SERVER_CA_CERT: join(seenAs, authorities) }),
  };
}

/** The same for a container that sees the job's `root` as /opt/ml; to be called before the folder is handed over to its user. */
export function openProgressDoorInside(
  door: ProgressDoor,
  key: string,
  root: string,
): Promise<Record<string, string>> {
  const place = join('input', 'config');
  return openProgressDoor(door, { key, folder: join(root, place), seenAs: `/opt/ml/${place}` });
}
