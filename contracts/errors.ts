/**
 * The one catalogue of errors. A code is stable for ever; `kind` tells the caller what to do:
 * `fix` the input, `retry` later, `ask` a person, or it is our `bug`. docs/errors.md lists the same codes (tested both ways).
 */
export type ErrorKind = 'fix' | 'retry' | 'ask' | 'bug';

export interface ErrorEntry {
  kind: ErrorKind;
  /** Status that the HTTP doors answer with. */
  http: number;
  /** What to do, where the message does not already say it. */
  hint: string;
}

export const errorCatalogue = {
  INPUT_INVALID: {
    kind: 'fix',
    http: 422,
    hint: 'Correct the named field and send the request again.',
  },
  BODY_TOO_LARGE: { kind: 'fix', http: 413, hint: 'Send smaller batches.' },
  NOT_JSON: {
    kind: 'fix',
    http: 400,
    hint: 'Send a JSON body with content-type application/json.',
  },
  UNAUTHENTICATED: {
    kind: 'fix',
    http: 401,
    hint: 'Send `Authorization: Bearer …` with the API’s token, which the CLI reads from the file that PERENNIAL_API_TOKEN_FILE names; a trainer sends the one of its attempt.',
  },
  ROUTE_NOT_FOUND: { kind: 'fix', http: 404, hint: 'See /api/v1/openapi.json for what there is.' },
  CONFIG_INVALID: {
    kind: 'fix',
    http: 500,
    hint: 'Correct or unset the named environment variable; docs/operations.md lists them all.',
  },
  SPEC_INVALID: {
    kind: 'fix',
    http: 422,
    hint: 'Correct model.yaml at the named line; `perennial check model.yaml` checks it without a server.',
  },
  SPEC_NOT_FOUND: {
    kind: 'fix',
    http: 404,
    hint: 'Register one with `perennial apply model.yaml`.',
  },
  CONTRACT_INVALID: {
    kind: 'fix',
    http: 422,
    hint: 'Correct the data contract; docs/data-contract.md lists what is understood.',
  },
  FILE_NOT_FOUND: {
    kind: 'fix',
    http: 422,
    hint: 'Check the path; relative paths start at the folder of model.yaml.',
  },
  SOURCE_NOT_FOUND: {
    kind: 'fix',
    http: 422,
    hint: 'Check data.source.path; relative paths start at the folder of model.yaml.',
  },
  SOURCE_UNREADABLE: {
    kind: 'fix',
    http: 422,
    hint: 'Check data.source.format and that the files are whole.',
  },
  SOURCE_EMPTY: { kind: 'fix', http: 422, hint: 'Check data.source and the time window.' },
  EXPRESSION_INVALID: {
    kind: 'fix',
    http: 422,
    hint: 'Correct the SQL expression in model.yaml; it may use only the columns of the source.',
  },
  CONTRACT_VIOLATED: {
    kind: 'fix',
    http: 422,
    hint: 'Mend the data at its source, or change the contract and raise its version.',
  },
  MODEL_NOT_FOUND: { kind: 'fix', http: 404, hint: '`perennial list` shows the models there are.' },
  MODEL_RETIRED: {
    kind: 'ask',
    http: 409,
    hint: 'Apply a spec for it again (`perennial apply model.yaml`) to take it back into service.',
  },
  DELIVERY_NOT_FOUND: {
    kind: 'fix',
    http: 404,
    hint: '`perennial show MODEL` lists its deliveries.',
  },
  DELIVERY_IN_PROGRESS: {
    kind: 'ask',
    http: 409,
    hint: 'Wait for it, or start with --if-running supersede.',
  },
  DELIVERY_ID_INVALID: {
    kind: 'fix',
    http: 422,
    hint: 'Start deliverModel with the workflow id deliver/<model>.',
  },
  VERSION_NOT_FOUND: { kind: 'fix', http: 404, hint: '`perennial show MODEL` lists its versions.' },
  APPROVAL_NOT_OPEN: {
    kind: 'fix',
    http: 409,
    hint: '`perennial list --awaiting` shows what waits for a decision.',
  },
  EVIDENCE_MISMATCH: {
    kind: 'ask',
    http: 409,
    hint: 'Read the evidence again (`perennial show MODEL`) and vote with its digest.',
  },
  SELF_APPROVAL: {
    kind: 'ask',
    http: 403,
    hint: 'Somebody else has to approve; the spec sets approval.selfApproval.',
  },
  NOT_AN_APPROVER: { kind: 'ask', http: 403, hint: 'Ask one of the approvers named in the spec.' },
  ALREADY_VOTED: { kind: 'fix', http: 409, hint: 'A vote stands once cast.' },
  RELEASE_NOT_FOUND: {
    kind: 'fix',
    http: 404,
    hint: '`perennial show MODEL` tells whether a release is under way.',
  },
  RELEASE_STATE: {
    kind: 'fix',
    http: 409,
    hint: '`perennial show MODEL` tells the state of the release.',
  },
  MONITOR_NOT_FOUND: {
    kind: 'fix',
    http: 404,
    hint: 'A monitor starts with the first promoted version.',
  },
  FENCED: {
    kind: 'bug',
    http: 409,
    hint: 'Somebody else went on in between; nothing was changed.',
  },
  PROMOTION_REFUSED: {
    kind: 'ask',
    http: 409,
    hint: 'A version is promoted only with passed gates and an approval of exactly its evidence.',
  },
  TRAINER_NOT_FOUND: {
    kind: 'fix',
    http: 422,
    hint: 'training.trainer names a folder under trainers/ or a path with a trainer in it.',
  },
  TRAINING_FAILED: {
    kind: 'fix',
    http: 409,
    hint: '`perennial logs MODEL` shows what the trainer said.',
  },
  METRIC_UNKNOWN: {
    kind: 'fix',
    http: 409,
    hint: 'training.search.metric must be one that the trainer tells as progress or in its manifest.',
  },
  SUGGESTION_FAILED: {
    kind: 'retry',
    http: 503,
    hint: 'Optuna belongs to the trainers’ Python environment: ./scripts/setup makes it anew.',
  },
  TRIAL_PRUNED: {
    kind: 'fix',
    http: 409,
    hint: 'Its search stopped it early, since others did better; `perennial trials MODEL` shows by what.',
  },
  TRAINING_HUNG: {
    kind: 'retry',
    http: 409,
    hint: 'The trainer gave no sign of life for longer than training.heartbeat.',
  },
  JOB_KEY_TAKEN: {
    kind: 'ask',
    http: 409,
    hint: 'Find out whose job it is; give each installation its own PERENNIAL_INSTALLATION.',
  },
  IMAGE_NOT_FOUND: {
    kind: 'fix',
    http: 422,
    hint: 'training.image names an image that the engine of the training workers has or can pull.',
  },
  IMAGE_NOT_PINNED: {
    kind: 'fix',
    http: 422,
    hint: 'Give training.image by its digest, name@sha256:…: a tag may be another image tomorrow.',
  },
  PLACEMENT_FAILED: {
    kind: 'fix',
    http: 409,
    hint: 'No machine of the training workers has what training.resources asks for.',
  },
  ENGINE_UNAVAILABLE: {
    kind: 'retry',
    http: 503,
    hint: 'The container engine or cluster does not answer; running trainings are found again when it does.',
  },
  CHECKPOINT_CORRUPT: {
    kind: 'fix',
    http: 409,
    hint: 'A kept checkpoint is not what its digest says; the training starts from the one before.',
  },
  BUDGET_EXCEEDED: {
    kind: 'ask',
    http: 409,
    hint: 'Raise the budget or wait for its next period; `perennial cost MODEL` shows what was spent.',
  },
  BUDGET_NOT_FOUND: {
    kind: 'fix',
    http: 404,
    hint: '`perennial budget list` shows the budgets there are, `perennial budget set` makes one.',
  },
  MONEY_NOT_AWAITED: {
    kind: 'fix',
    http: 409,
    hint: '`perennial status` shows the trainings that wait for money.',
  },
  PRICE_BOOK_INVALID: {
    kind: 'fix',
    http: 422,
    hint: 'Correct the price book and set it again; docs/costs.md shows one in full.',
  },
  PRICES_MISSING: {
    kind: 'fix',
    http: 409,
    hint: 'Set a price book first: `perennial prices set FILE`.',
  },
  CURRENCY_DIFFERS: {
    kind: 'fix',
    http: 409,
    hint: 'An installation counts in the currency of its price book; `perennial prices show` names it.',
  },
  MANIFEST_INVALID: {
    kind: 'fix',
    http: 409,
    hint: 'The trainer must write output/manifest.json as docs/trainers.md says.',
  },
  ARTIFACT_CORRUPT: {
    kind: 'bug',
    http: 500,
    hint: 'The bytes do not match their digest: restore the artifact store from its backup.',
  },
  ARTIFACT_NOT_FOUND: {
    kind: 'fix',
    http: 404,
    hint: 'The artifact is not in the store that PERENNIAL_ARTIFACTS names.',
  },
  ONNX_INVALID: {
    kind: 'fix',
    http: 422,
    hint: 'The model must be an ONNX file whose inputs equal the features of the spec.',
  },
  REQUEST_SHAPE: {
    kind: 'fix',
    http: 400,
    hint: 'GET /v2/models/{model} tells names, types and shapes.',
  },
  METHOD_NOT_ALLOWED: {
    kind: 'fix',
    http: 405,
    hint: 'The allow header names the methods there are.',
  },
  MODEL_FAILED: {
    kind: 'fix',
    http: 500,
    hint: 'The model has no answer for this row: correct the row, or roll the version back if the row is right.',
  },
  POLICY_INVALID: {
    kind: 'fix',
    http: 422,
    hint: 'Correct the CEL expression; numbers compared with doubles are written 1.0.',
  },
  TEMPORAL_UNAVAILABLE: {
    kind: 'retry',
    http: 503,
    hint: 'Check that the Temporal server runs (`perennial status`).',
  },
  DATABASE_UNAVAILABLE: {
    kind: 'retry',
    http: 503,
    hint: 'Check that PostgreSQL runs (`perennial status`).',
  },
  SCHEMA_NEWER: {
    kind: 'fix',
    http: 500,
    hint: 'Run the release that changed the database, or restore the backup from before it.',
  },
  BUILD_NOT_FOUND: {
    kind: 'fix',
    http: 404,
    hint: 'Start its workers with PERENNIAL_WORKER_VERSIONING=pinned and PERENNIAL_BUILD_ID, then promote it.',
  },
  SERVER_UNREACHABLE: {
    kind: 'retry',
    http: 503,
    hint: 'Start it with `perennial up`, or set PERENNIAL_API to its address.',
  },
  OVERLOADED: { kind: 'retry', http: 429, hint: 'Send again after a moment.' },
  PORT_TAKEN: { kind: 'fix', http: 500, hint: 'Free the port or set another one.' },
  STACK_RUNNING: {
    kind: 'fix',
    http: 409,
    hint: '`perennial status` shows it, `perennial down` stops it.',
  },
  TOOL_MISSING: { kind: 'fix', http: 500, hint: 'Install what the message names.' },
  INTERNAL: { kind: 'bug', http: 500, hint: 'Please report it with the request id.' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

/** An error with an instruction. The message says what was asked and what was found; the hint says what to do. */
export class PerennialError extends Error {
  override readonly name = 'PerennialError';
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;

  constructor(
    code: ErrorCode,
    message: string,
    details: Record<string, unknown> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  get entry(): ErrorEntry {
    return errorCatalogue[this.code];
  }
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(errorCatalogue, value);
}
