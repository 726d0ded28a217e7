/** The shape of a result as JSON Schema (draft 2020-12), for other programs: docs/bench-result.schema.json. */

import { z } from 'zod';
import { ResultSchema } from './results.ts';

/** Generated from the same definition that results are checked by. Results may have more than it says. */
export const resultJsonSchema = (): Record<string, unknown> => ({
  $id: 'urn:clicklet:bench-result:1',
  title: 'clicklet bench --json, version 1',
  ...z.toJSONSchema(ResultSchema, { io: 'input' }),
});
