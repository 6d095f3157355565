/** The lines that operators copy out of the Temporal UI: whole, so that they run as they stand once YOU and WHY are filled in. */

/** Where a workflow is spoken to. */
export interface Door {
  namespace: string;
  workflowId: string;
  /** Of the update and of the signal alike. */
  name: string;
}

/** Answers whether the message was taken, or why not. */
export function updateLine(door: Door, input: object): string {
  return temporalLine('update execute', door, input);
}

/** Gets through also while no worker runs; what became of it stands in the details. */
export function signalLine(door: Door, input: object): string {
  return temporalLine('signal', door, input);
}

export function perennialLine(command: string, model: string, options: string): string {
  return `perennial ${command} ${model} ${options}`;
}

/** Markdown that offers `lines`: each of them does `what`. The UI cuts long lines, so that their first words have to do. */
export function offer(what: string, lines: string[]): string[] {
  return ['', `To ${what}:`, '```', ...lines, '```'];
}

function temporalLine(how: string, { namespace, workflowId, name }: Door, input: object): string {
  return `temporal workflow ${how} --namespace ${namespace} --workflow-id ${workflowId} --name ${name} --input '${JSON.stringify(input)}'`;
}
