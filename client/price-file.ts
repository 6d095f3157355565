import { PerennialError } from '../contracts/errors.js';
import { priceBook, type PriceBook } from '../contracts/price-book.js';
import { checkDocument, readSmallFile, sayProblem } from './spec-file.js';
import { parseYaml } from './yaml-document.js';

/** Reads a price book. Throws PRICE_BOOK_INVALID with every problem at once, each with line and column, and FILE_NOT_FOUND. */
export async function readPriceFile(path: string): Promise<PriceBook> {
  const document = parseYaml(await readSmallFile(path), path);
  const { value, problems } = checkDocument(document, priceBook);
  if (value) return value;
  throw new PerennialError('PRICE_BOOK_INVALID', problems.map(sayProblem).join('\n'), { problems });
}
