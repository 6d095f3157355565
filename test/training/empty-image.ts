import { Readable } from 'node:stream';
import type Docker from 'dockerode';

/** Puts an image without a single file under this name, whose entry point therefore cannot be there. Its id is a new one each time. */
export async function importEmptyImage(engine: Docker, repo: string, tag: string): Promise<string> {
  const changes = ['ENTRYPOINT ["/nowhere/train"]', `LABEL made="${crypto.randomUUID()}"`];
  const tar = Readable.from([Buffer.alloc(1_024)]);
  const imported = await engine.importImage(tar, { fromSrc: '-', repo, tag, changes });
  for await (const _ of imported);
  return (await engine.getImage(`${repo}:${tag}`).inspect()).Id;
}
