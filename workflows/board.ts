import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { historyLimit } from './timeouts.js';

/** What a workflow knows, readable from outside at any time: every change is rendered for the Temporal UI at once. */
export interface Board<State> {
  readonly state: State;
  /** Changes members; `line` is added to the story. */
  change(update: Partial<State>, line?: string): void;
}

export function createBoard<State extends { story: string[] }>(
  first: State,
  render: (state: State, namespace: string) => string,
): Board<State> {
  let state = first;
  const { namespace } = workflowInfo();
  setCurrentDetails(render(state, namespace));
  return {
    get state() {
      return state;
    },
    change(update, line) {
      state = { ...state, ...update };
      if (line !== undefined) state = { ...state, story: [...state.story, line] };
      setCurrentDetails(render(state, namespace));
    },
  };
}

/** Long enough to continue as new. */
export function historyIsLong(limit = historyLimit): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || historyLength > limit;
}
