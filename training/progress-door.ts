import { randomUUID } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
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
 * Lays the token of an attempt into its folder and names the variables of Kubeflow's progress protocol that lead there; Hugging Face's
 * trainers find them without a line of code. Run again it replaces the token by another that holds as well.
 */
export async function openProgressDoor(
  { url, issueToken, caFile }: ProgressDoor,
  { key, folder }: { key: string; folder: string },
): Promise<Record<string, string>> {
  const tokenFile = join(folder, 'progress-token');
  const draft = `${tokenFile}.${randomUUID()}`;
  await writeFile(draft, await issueToken(key), { mode: 0o600 });
  await rename(draft, tokenFile);
  return {
    KUBEFLOW_TRAINER_SERVER_URL: new URL(`/api/v1/trainings/${key}/progress`, url).href,
    KUBEFLOW_TRAINER_SERVER_TOKEN: tokenFile,
    ...(caFile === undefined ? {} : { KUBEFLOW_TRAINER_SERVER_CA_CERT: caFile }),
  };
}
