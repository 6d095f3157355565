import type { DataContract } from '../contracts/contract.js';
import { PerennialError } from '../contracts/errors.js';
import { duckMessage, type Duck } from './duckdb.js';

/** Makes sure that every pattern of a contract is a regular expression (RE2: no look-around). Throws CONTRACT_INVALID naming the property. */
export async function checkPatterns(duck: Duck, contract: DataContract): Promise<void> {
  for (const property of contract.schema[0]?.properties ?? []) {
    const rules = property.quality.map((rule) =>
      'metric' in rule ? rule.arguments?.pattern : undefined,
    );
    for (const pattern of [property.logicalTypeOptions.pattern, ...rules]) {
      if (pattern === undefined) continue;
      await duck.rows(`SELECT regexp_matches('', $1)`, [pattern]).catch((error: unknown) => {
        throw new PerennialError(
          'CONTRACT_INVALID',
          `The pattern '${pattern}' of property '${property.name}' is no regular expression: ${duckMessage(error)}`,
        );
      });
    }
  }
}
