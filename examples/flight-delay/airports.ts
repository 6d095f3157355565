/**
 * The airline of this example opens airports as the year goes: month by month it departs from more of them. So a model trained on January
 * meets airports it has never seen, in real rows. Months are those of 2001, 1 to 6; June serves everything that is in the data.
 */
const openings: readonly (readonly [month: number, airports: readonly string[]])[] = [
  // Twelve hubs to begin with: 38 % of January's flights.
  [1, ['ORD', 'DFW', 'ATL', 'LAX', 'PHX', 'STL', 'DTW', 'MSP', 'LAS', 'DEN', 'IAH', 'BOS']],
  // The east coast.
  [2, ['LGA', 'PHL', 'EWR', 'JFK', 'BWI', 'DCA', 'IAD', 'BDL', 'PVD']],
  // The west coast.
  [3, ['SFO', 'SEA', 'SAN', 'SJC', 'OAK', 'PDX', 'SNA', 'ONT', 'SMF', 'BUR']],
  // The south.
  [4, ['CLT', 'MCO', 'MIA', 'TPA', 'FLL', 'BNA', 'MEM', 'MSY', 'RDU', 'JAX', 'HOU', 'DAL']],
  // The middle, and the islands.
  [5, ['PIT', 'CVG', 'SLC', 'MCI', 'CLE', 'MDW', 'CMH', 'IND', 'AUS', 'SAT', 'HNL', 'OGG']],
];

/** Airports with departures in a month; null means every airport. */
export function openAirports(month: number): string[] | null {
  if (!Number.isInteger(month) || month < 1 || month > 6)
    throw new RangeError(`There are flights of the months 1 to 6, not of ${month}`);
  if (month === 6) return null;
  return openings.filter(([since]) => since <= month).flatMap(([, airports]) => [...airports]);
}
