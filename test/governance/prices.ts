import { priceBook, type PriceBook } from '../../contracts/price-book.js';

/** Round prices: a core costs 3.60 an hour, which is 1,000 micro-units a second. */
export const prices: PriceBook = priceBook.parse({
  currency: 'EUR',
  perHour: { cpu: 3.6, memoryGiB: 0, gpus: { a10: '36' } },
  watts: { cpu: 10, memoryGiB: 1, gpus: { a10: 150 } },
  pue: 1.5,
  regions: { 'eu-north': { electricity: 0, carbon: 100 } },
  region: 'eu-north',
});
