import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

/**
 * Opens a file that a trainer wrote; null where there is none, or something else than a plain file: a pipe would never answer,
 * a link may lead anywhere.
 */
export async function openPlainFile(path: string): Promise<FileHandle | null> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch((error: NodeJS.ErrnoException) => {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(error.code ?? '')) return null;
    throw error;
  });
  if (!file || (await file.stat()).isFile()) return file;
  await file.close();
  return null;
}

/** At most `limit` bytes of a file that a trainer wrote, from `offset` on; null where `openPlainFile` finds none. */
export async function readPlainFile(
  path: string,
  limit: number,
  offset = 0,
): Promise<Buffer | null> {
  const file = await openPlainFile(path);
  if (!file) return null;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(limit), 0, limit, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
