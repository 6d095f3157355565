import type { DataContract, QualityRule } from '../../contracts/contract.js';
import { PerennialError } from '../../contracts/errors.js';
import { literal, quoteName } from '../duckdb.js';
import { embed } from '../expression.js';
import { physicalType, typeFit } from '../logical-type.js';
import { limitsOf, type Limits } from './limits.js';
import { quarantiningCheck, type RowCheck, type RowQuestion, type Severity } from './row-check.js';

type Property = DataContract['schema'][number]['properties'][number];
type MetricRule = Extract<QualityRule, { metric: string }>;
type SqlRule = Extract<QualityRule, { type: 'sql' }>;

export interface RowCountRule {
  name: string;
  severity: Severity;
  limits: Limits;
}

/** What a contract asks of one set of columns: of the columns themselves, of each row, and of the number of rows. */
export interface ContractChecks {
  /** Columns that are not there or can never be what the contract says. */
  columns: { name: string; reason: string }[];
  rows: RowCheck[];
  rowCount: RowCountRule[];
}

/** Translates a contract into predicates for one scan. Throws CONTRACT_INVALID for a rule that says too little to be checked. */
export function compileContract(
  contract: DataContract,
  columns: ReadonlyMap<string, string>,
): ContractChecks {
  const [table] = contract.schema;
  const checks: ContractChecks = { columns: [], rows: [], rowCount: [] };
  for (const property of table?.properties ?? []) {
    const type = columns.get(property.name);
    if (type === undefined) {
      checks.columns.push({
        name: `${property.name}.column`,
        reason: `The source has no column '${property.name}'.`,
      });
      continue;
    }
    const fit = typeFit(property.logicalType, type);
    if (fit === 'never') {
      checks.columns.push({
        name: `${property.name}.type`,
        reason: `Column '${property.name}' is ${type}; the contract says ${property.logicalType}.`,
      });
      continue;
    }
    if (fit === 'by-row') checks.rows.push(typeCheck(property, type));
    checks.rows.push(...structuralChecks(property, typedColumn(property, fit)));
    for (const rule of property.quality) addRule(checks, rule, property, columns);
  }
  for (const rule of table?.quality ?? []) addRule(checks, rule, undefined, columns);
  return withDistinctNames(checks);
}

function typedColumn(property: Property, fit: 'always' | 'by-row'): string {
  const column = quoteName(property.name);
  return fit === 'always' ? column : `TRY_CAST(${column} AS ${physicalType[property.logicalType]})`;
}

function typeCheck({ name, logicalType }: Property, type: string): RowCheck {
  const column = quoteName(name);
  const asNumber = type === 'VARCHAR' ? `TRY_CAST(${column} AS DOUBLE)` : column;
  const conditions = [`TRY_CAST(${column} AS ${physicalType[logicalType]}) IS NULL`];
  if (logicalType === 'number' || logicalType === 'integer')
    conditions.push(`NOT isfinite(${asNumber})`);
  if (logicalType === 'integer') conditions.push(`${asNumber} <> trunc(${asNumber})`);
  return quarantiningCheck({
    name: `${name}.type`,
    broken: `${column} IS NOT NULL AND (${conditions.join(' OR ')})`,
    complaint: `${name} is not ${/^[aei]/.test(logicalType) ? 'an' : 'a'} ${logicalType}`,
  });
}

/** What the property itself says, without any quality rule. */
function structuralChecks(property: Property, value: string): RowCheck[] {
  const { name, logicalTypeOptions: options } = property;
  const column = quoteName(name);
  const length = `length(CAST(${column} AS VARCHAR))`;
  const checks: RowCheck[] = [];
  const ask = (kind: string, question: RowQuestion, complaint: string) =>
    checks.push(
      quarantiningCheck({
        name: `${name}.${kind}`,
        complaint: `${name} ${complaint}`,
        ...question,
      }),
    );
  const add = (kind: string, broken: string, complaint: string) => ask(kind, { broken }, complaint);

  if (property.required || property.primaryKey) add('required', `${column} IS NULL`, 'is missing');
  if (options.minimum !== undefined)
    add('minimum', `${value} < ${options.minimum}`, `is below ${options.minimum}`);
  if (options.maximum !== undefined)
    add('maximum', `${value} > ${options.maximum}`, `is above ${options.maximum}`);
  if (options.minLength !== undefined)
    add(
      'minLength',
      `${length} < ${options.minLength}`,
      `is shorter than ${options.minLength} characters`,
    );
  if (options.maxLength !== undefined)
    add(
      'maxLength',
      `${length} > ${options.maxLength}`,
      `is longer than ${options.maxLength} characters`,
    );
  if (options.pattern !== undefined)
    ask(
      'pattern',
      { broken: mismatch(column, options.pattern), wordsOf: name },
      `does not match ${options.pattern}`,
    );
  if (property.unique || property.primaryKey)
    ask('unique', { repeats: [name] }, 'repeats that of an earlier row');
  return checks;
}

function addRule(
  checks: ContractChecks,
  rule: QualityRule,
  property: Property | undefined,
  columns: ReadonlyMap<string, string>,
): void {
  const limits = limitsOf(rule);
  if ('metric' in rule && rule.metric === 'rowCount') {
    if (!limits) throw invalid(rule, property, 'it has no limit such as mustBeGreaterThan');
    checks.rowCount.push({ name: rule.name ?? 'rowCount', severity: rule.severity, limits });
    return;
  }
  const absent = 'metric' in rule && rule.arguments?.properties?.find((key) => !columns.has(key));
  if (absent) {
    checks.columns.push({
      name: `${absent}.column`,
      reason: `The source has no column '${absent}', which the rule ${rule.name ?? rule.metric} looks at.`,
    });
    return;
  }
  checks.rows.push({
    severity: rule.severity,
    // A warning puts nothing in quarantine, so without a limit of its own it warns of the first bad row.
    limits: limits ?? (rule.severity === 'warning' ? { mustBe: 0 } : null),
    unit: rule.unit,
    ...('metric' in rule ? metricCheck(rule, property) : sqlCheck(rule, property)),
  });
}

type AskedRule = RowQuestion & Pick<RowCheck, 'name' | 'complaint' | 'written'>;

/** As a CHECK constraint in SQL: a row breaks the rule when it is false; where it is null, `required` has the say. */
function sqlCheck(rule: SqlRule, property: Property | undefined): AskedRule {
  const name = rule.name ?? (property ? `${property.name}.sql` : 'sql');
  return {
    name,
    broken: `${embed(rule.query)} IS FALSE`,
    complaint: rule.name ? `it breaks the rule '${rule.name}'` : `it is not so that ${rule.query}`,
    written: { what: `the contract's rule '${name}'`, code: 'CONTRACT_INVALID' },
  };
}

function metricCheck(rule: MetricRule, property: Property | undefined): AskedRule {
  const keys = rule.arguments?.properties ?? (property ? [property.name] : []);
  if (rule.metric === 'duplicateValues') {
    if (keys.length === 0) throw invalid(rule, property, 'it names no properties');
    return {
      name: rule.name ?? `${keys.join('+')}.duplicateValues`,
      repeats: keys,
      complaint: `${keys.join(' and ')} ${keys.length > 1 ? 'repeat those' : 'repeats that'} of an earlier row`,
    };
  }
  if (!property) throw invalid(rule, property, 'it belongs under a property');
  const column = quoteName(property.name);
  const name = rule.name ?? `${property.name}.${rule.metric}`;
  switch (rule.metric) {
    case 'nullValues':
      return { name, broken: `${column} IS NULL`, complaint: `${property.name} is missing` };
    case 'missingValues':
      return {
        name,
        broken: `${column} IS NULL OR trim(CAST(${column} AS VARCHAR)) = ''`,
        complaint: `${property.name} is missing or empty`,
      };
    case 'invalidValues':
      return { name, ...invalidValues(rule, property) };
    case 'rowCount':
      throw invalid(rule, property, 'it counts rows and judges none');
  }
}

function invalidValues(
  rule: MetricRule,
  property: Property,
): RowQuestion & Pick<RowCheck, 'complaint'> {
  const { validValues, pattern } = rule.arguments ?? {};
  const column = quoteName(property.name);
  const conditions: string[] = [];
  if (validValues) {
    const numeric = validValues.every((each) => typeof each === 'number');
    const value = numeric ? `TRY_CAST(${column} AS DOUBLE)` : `CAST(${column} AS VARCHAR)`;
    const allowed = validValues.map((each) => literal(numeric ? each : String(each)));
    conditions.push(allowed.length > 0 ? `${value} NOT IN (${allowed.join(', ')})` : 'true');
  }
  if (pattern !== undefined) conditions.push(mismatch(column, pattern));
  if (conditions.length === 0)
    throw invalid(rule, property, 'it has neither validValues nor a pattern');
  return {
    broken: `${column} IS NOT NULL AND (${conditions.join(' OR ')})`,
    wordsOf: property.name,
    complaint: `${property.name} is not an allowed value`,
  };
}

function mismatch(column: string, pattern: string): string {
  return `NOT regexp_matches(CAST(${column} AS VARCHAR), ${literal(pattern)})`;
}

/** Results are kept by name: a second check of the same name gets a number. */
function withDistinctNames(checks: ContractChecks): ContractChecks {
  const seen = new Map<string, number>();
  const distinct = <T extends { name: string }>(check: T): T => {
    const count = (seen.get(check.name) ?? 0) + 1;
    seen.set(check.name, count);
    return count === 1 ? check : { ...check, name: `${check.name}-${count}` };
  };
  return {
    columns: checks.columns.map(distinct),
    rows: checks.rows.map(distinct),
    rowCount: checks.rowCount.map(distinct),
  };
}

function invalid(
  rule: QualityRule,
  property: Property | undefined,
  reason: string,
): PerennialError {
  const what = 'metric' in rule ? rule.metric : 'sql';
  const where = property ? ` of property '${property.name}'` : '';
  return new PerennialError(
    'CONTRACT_INVALID',
    `The contract's rule ${rule.name ?? what}${where} cannot be checked: ${reason}.`,
  );
}
