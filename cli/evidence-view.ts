import type { ApprovalView } from '../contracts/approval.js';
import { raiseSentence, type AwaitedMoney } from '../contracts/budget.js';
import { amountOf } from '../contracts/money.js';
import type { DeliveryDetail } from '../contracts/overview.js';
import type { Judgement } from '../contracts/release.js';
import type { Finding } from '../contracts/verdict.js';
import { ago, number, paint, paintVerdict, say, sayTable } from './output.js';

/** Judged numbers, a line each. */
export function sayFindings(findings: Finding[], nothing: string): void {
  sayTable(
    ['gate', 'verdict', 'value', 'interval', 'bound', 'rows', 'because'],
    findings.map((each) => [
      each.name,
      each.verdict,
      number(each.value),
      each.lower === null && each.upper === null
        ? '-'
        : `${number(each.lower)} … ${number(each.upper)}`,
      number(each.bound),
      each.rows,
      each.reason,
    ]),
    nothing,
  );
}

/** Exactly what a person is asked to approve, with the numbers it was judged by. */
export function sayApproval(approval: ApprovalView, gates: Finding[]): void {
  const { model, version, delivery, requestedBy, openedAt, expiresAt } = approval;
  say(
    `${paint('bold', `${model} v${version}`)} from delivery ${delivery}, asked for by ${requestedBy}`,
  );
  say(approval.summary);
  say();
  sayFindings(gates, 'No gates were judged.');
  say();
  say(`evidence  ${approval.evidence}`);
  say(`open      ${ago(openedAt)}, until ${expiresAt}`);
  say(`approvers ${approval.approvers.join(', ') || 'any principal'}, ${approval.quorum} needed`);
  for (const vote of approval.votes) say(`vote      ${vote.by}: ${vote.vote} (${vote.reason})`);
}

/** Which budget a training waits for, how much it lacks to begin, and what serves. */
export function awaitedSentence({ budget, missing, raise, until }: AwaitedMoney): string {
  if (missing === 0) return 'goes on soon: the money is there';
  const { scope, name, currency } = budget;
  const serves = raise ? `; ${raiseSentence(raise, currency)}` : '';
  return `waits for money until ${until}: the budget of ${scope} ${name} lacks ${amountOf(missing)} ${currency}${serves}`;
}

/** A delivery that waits for money, with the line that lets it go on. */
export function sayAwaited(awaited: AwaitedMoney): void {
  const { model, delivery, missing, extend } = awaited;
  say(`${paint('bold', `${model} delivery ${delivery}`)} ${awaitedSentence(awaited)}`);
  if (missing > 0) say(`to go on: ${extend} --reason WHY`);
}

/** What the judge of a canary step saw last. */
export function sayJudgement({ step, look, verdict, reason, findings }: Judgement): void {
  say(`step ${step}, look ${look}: ${paintVerdict(verdict)}. ${reason}`);
  sayFindings(findings, 'Nothing was judged yet.');
}

/** One line on where a delivery stands. */
export function standingOf(detail: DeliveryDetail): string {
  const { delivery, approval, release, training, money, failing } = detail;
  if (delivery.outcome) return delivery.explanation || delivery.outcome;
  if (money) return awaitedSentence(money);
  if (failing)
    return `failed ${failing.tries} ${failing.tries === 1 ? 'time' : 'times'} and tries again: ${failing.message}`;
  if (delivery.stage === 'approve' && approval?.standing === 'open') {
    const yes = approval.votes.filter((vote) => vote.vote === 'approve').length;
    return `waits for ${approval.approvers.join(', ') || 'any principal'} (${yes} of ${approval.quorum})`;
  }
  if (delivery.stage === 'release' && release) {
    const step = release.steps[release.step];
    const share =
      step?.kind === 'canary' ? `canary at ${number(step.share * 100)} %` : release.status;
    return release.lastJudgement ? `${share}: ${release.lastJudgement.reason}` : share;
  }
  if (delivery.stage === 'train' && training?.waits) return `waits: ${training.waits}`;
  if (delivery.stage === 'train' && training) {
    const metrics = Object.entries(training.metrics)
      .slice(0, 3)
      .map(([name, value]) => `${name} ${number(value)}`);
    return [`attempt ${training.attempt}`, ...stepOf(training), ...metrics].join(', ');
  }
  return '';
}

function stepOf({ step, total }: NonNullable<DeliveryDetail['training']>): string[] {
  if (step === null) return [];
  return [total === null ? `step ${step}` : `step ${step} of ${total}`];
}
