import { draw, flightsOfMonth, withFlights, type Airports } from './flights.js';

/** One flight as an application would ask about it, with the truth that comes later. */
export interface Flight {
  /** Unique in the whole year; the same id as in the landed files. */
  id: string;
  entity: string;
  /** Planned departure, ISO 8601 in UTC (the data knows no time zones). */
  eventTime: string;
  /** By the names of the features in model.yaml, computed by the same expressions. */
  inputs: Record<string, number | string>;
  /** 1: more than fifteen minutes late. */
  label: 0 | 1;
  /** When the truth was known: after landing. */
  labelTime: string;
}

export interface SampleMonthInput {
  /** 1 to 6, of the year 2001. */
  month: number;
  /** Flights to draw; all of the month's when there are fewer. */
  size: number;
  seed: number;
  airports?: Airports;
}

/** A seeded sample of a month's flights from the airports that are open by then, in the order of their departures. */
export async function sampleMonth({
  month,
  size,
  seed,
  airports = 'opening',
}: SampleMonthInput): Promise<Flight[]> {
  return withFlights(async (connection) => {
    const found = await connection.runAndReadAll(
      `SELECT id, epoch_ms(date) AS departure, hour(date) AS hour, isodow(date) AS weekday, distance, origin, destination, delay
       FROM (
         SELECT * FROM (${flightsOfMonth(month, airports)})
         ORDER BY ${draw(seed)} LIMIT ${size}
       ) ORDER BY date, id`,
    );
    return (found.getRowObjectsJson() as unknown as Row[]).map(flightOf);
  });
}

/** A row as DuckDB gives it in JSON: 64-bit numbers as text. */
interface Row {
  id: string;
  departure: string;
  hour: string;
  weekday: string;
  distance: string;
  origin: string;
  destination: string;
  delay: string;
}

function flightOf(row: Row): Flight {
  const departure = Number(row.departure);
  const distance = Number(row.distance);
  const delay = Number(row.delay);
  return {
    id: row.id,
    entity: row.id,
    eventTime: new Date(departure).toISOString(),
    inputs: {
      hour: Number(row.hour),
      weekday: Number(row.weekday),
      distance,
      origin: row.origin,
      destination: row.destination,
    },
    label: delay > 15 ? 1 : 0,
    labelTime: new Date(departure + minutesUntilKnown(distance, delay) * 60_000).toISOString(),
  };
}

/** Half an hour on the ground and eight miles a minute in the air, and the delay itself. */
function minutesUntilKnown(distance: number, delay: number): number {
  return 30 + Math.round(distance / 8) + Math.max(delay, 0);
}
