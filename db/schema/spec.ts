import { jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core';
import type { RegisteredSpec } from '../../contracts/spec.js';

export const model = pgTable('model', {
  name: text().primaryKey(),
  team: text().notNull(),
  currentSpec: text('current_spec'),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  retiredAt: timestamp('retired_at', { withTimezone: true }),
  offAirAt: timestamp('off_air_at', { withTimezone: true }),
});

export const spec = pgTable('spec', {
  digest: text().primaryKey(),
  model: text().notNull(),
  content: jsonb().$type<Omit<RegisteredSpec, 'digest'>>().notNull(),
  registeredBy: text('registered_by').notNull(),
  registeredAt: timestamp('registered_at', { withTimezone: true }).notNull().defaultNow(),
});
