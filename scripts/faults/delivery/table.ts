import { processes, stages, type FaultKind } from './plan.js';
import type { Played } from './play.js';

/** Process × stage: how often each kind of fault was survived there, and where not. */
export function renderTable(played: readonly Played[]): string {
  const targets = [...processes, 'disk'].filter((target) =>
    played.some(({ fault }) => fault.target === target),
  );
  const cells = targets.map((target) => [
    target,
    ...stages.map((stage) =>
      renderCell(played.filter(({ fault }) => fault.target === target && fault.stage === stage)),
    ),
  ]);
  const rows = [['', ...stages], ...cells];
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function renderCell(here: readonly Played[]): string {
  const kinds = new Map<FaultKind, { survived: number; failed: number }>();
  for (const { fault, problems } of here) {
    const count = kinds.get(fault.kind) ?? { survived: 0, failed: 0 };
    count[problems.length === 0 ? 'survived' : 'failed'] += 1;
    kinds.set(fault.kind, count);
  }
  if (kinds.size === 0) return '·';
  return [...kinds]
    .map(([kind, { survived, failed }]) => {
      const all = survived + failed;
      const verdict = failed > 0 ? `FAILED ${failed} of ${all}` : `ok${all > 1 ? ` ×${all}` : ''}`;
      return kind === 'kill' ? verdict : `${kind} ${verdict}`;
    })
    .join(', ');
}
