import { isMap, isNode, isScalar, LineCounter, parseDocument, type Document } from 'yaml';

/** Where something is wrong in a file that a person wrote. `path` is empty where no key is meant. */
export interface FileProblem {
  file: string;
  line: number;
  column: number;
  path: string;
  message: string;
}

export interface YamlDocument {
  file: string;
  value: unknown;
  /** What keeps the text from being YAML at all, or makes it mean two things. */
  problems: FileProblem[];
  /** Names a place in the file: the value at `path`, or the nearest one above it that is there. */
  problemAt(path: readonly PropertyKey[], message: string): FileProblem;
  /** The same for a key of the mapping at `path`. */
  problemAtKey(path: readonly PropertyKey[], key: string, message: string): FileProblem;
}

/** Reads YAML 1.2 with the line and column of every value. A key written twice is a problem, as is a tag nobody knows. */
export function parseYaml(text: string, file: string): YamlDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: false });
  const place = (offset: number, path: string, message: string): FileProblem => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1), path, message };
  };
  const problems = [...document.errors, ...document.warnings].map((error) =>
    place(error.pos[0], '', firstLine(error.message)),
  );
  return {
    file,
    ...readValue(document, problems, place),
    problemAt: (path, message) => place(offsetOf(document, path), dotted(path), message),
    problemAtKey: (path, key, message) =>
      place(offsetOfKey(document, path, key), dotted([...path, key]), message),
  };
}

function readValue(
  document: Document.Parsed,
  problems: FileProblem[],
  place: (offset: number, path: string, message: string) => FileProblem,
): { value: unknown; problems: FileProblem[] } {
  if (problems.length > 0) return { value: undefined, problems };
  try {
    // Aliases that unfold into more than a hundred copies are refused: a small file must stay a small value.
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return { value, problems };
  } catch (error) {
    return { value: undefined, problems: [place(0, '', firstLine(String(error)))] };
  }
}

function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

function offsetOfKey(document: Document.Parsed, path: readonly PropertyKey[], key: string): number {
  const parent = path.length === 0 ? document.contents : document.getIn(path, true);
  const pair = isMap(parent)
    ? parent.items.find((each) => isScalar(each.key) && String(each.key.value) === key)
    : undefined;
  return isNode(pair?.key) && pair.key.range ? pair.key.range[0] : offsetOf(document, path);
}

/** `data.features[2].type`, as people write paths. */
function dotted(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number'
        ? `${text}[${part}]`
        : text
          ? `${text}.${String(part)}`
          : String(part),
    '',
  );
}

function firstLine(message: string): string {
  if (message.includes('call stack')) return 'this is nested too deeply';
  return (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
}
