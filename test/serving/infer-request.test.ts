import { describe, expect, it } from 'vitest';
import { PerennialError } from '../../contracts/errors.js';
import { maximumRows, readEnvelope, readInputs } from '../../serving/infer-request.js';

const signature = [
  { name: 'distance', datatype: 'FP32' },
  { name: 'origin', datatype: 'BYTES' },
] as const;

const distance = { name: 'distance', datatype: 'FP32', shape: [2, 1], data: [1.5, 2] };
const origin = { name: 'origin', datatype: 'BYTES', shape: [2, 1], data: ['ATL', 'ORD'] };

function read(body: unknown) {
  return readInputs(readEnvelope(body).inputs, signature);
}

function refusal(body: unknown): string {
  try {
    read(body);
  } catch (error) {
    if (error instanceof PerennialError && error.code === 'REQUEST_SHAPE') return error.message;
    throw error;
  }
  return 'accepted';
}

describe('an inference request', () => {
  it('is read into one column an input, whatever the order and form of its tensors', () => {
    const expected = {
      rows: 2,
      columns: { distance: Float32Array.of(1.5, 2), origin: ['ATL', 'ORD'] },
    };
    expect(read({ inputs: [distance, origin] })).toEqual(expected);
    expect(read({ inputs: [{ ...origin, shape: [2] }, distance] })).toEqual(expected);
    expect(read({ inputs: [{ ...distance, data: [[1.5], [2]] }, origin] })).toEqual(expected);
    expect(read({ inputs: [{ ...distance, datatype: 'FP64' }, origin] })).toEqual(expected);
  });

  it('takes whole numbers as INT64 and null as a missing number', () => {
    const whole = { ...distance, datatype: 'INT64', data: [3, null] };
    expect(read({ inputs: [whole, origin] }).columns.distance).toEqual(Float32Array.of(3, NaN));
  });

  it('keeps id, entity and event time', () => {
    const parameters = { entity: 'N123', eventTime: '2001-02-03T04:05:06Z' };
    expect(readEnvelope({ id: 'a', parameters, inputs: [] })).toEqual({
      id: 'a',
      entity: 'N123',
      eventTime: Date.UTC(2001, 1, 3, 4, 5, 6),
      inputs: [],
    });
  });

  it.each([
    ['a body that is no object', [], "The body must be an object with 'inputs', not []."],
    ['no inputs', {}, "'inputs' must be a list of tensors, not nothing."],
    ['an id that is no string', { id: 7, inputs: [] }, "'id' must be a string, not 7."],
    ['an id too long', { id: 'x'.repeat(129), inputs: [] }, "'id' has 129 characters"],
    ['an entity with a NUL', { parameters: { entity: 'a\0' }, inputs: [] }, 'contains a NUL'],
    ['half a surrogate pair', { id: 'a\ud800', inputs: [] }, 'half of a surrogate pair'],
    [
      'an event time without zone',
      { parameters: { eventTime: '2001-02-03T04:05' }, inputs: [] },
      "'parameters.eventTime' must be an instant",
    ],
    [
      'an event time that does not exist',
      { parameters: { eventTime: '2001-13-03T04:05:06Z' }, inputs: [] },
      "'parameters.eventTime' must be an instant",
    ],
    ['an unknown output', { inputs: [], outputs: [{ name: 'x' }] }, 'Output "x" is unknown'],
    ['a tensor that is none', { inputs: [3] }, 'inputs[0] must be a tensor, not 3.'],
    ['a tensor without name', { inputs: [{}] }, "inputs[0] needs a 'name'; found nothing."],
    [
      'an unknown input',
      { inputs: [distance, origin, { ...distance, name: 'speed' }] },
      'Input "speed" is unknown; the model asks for distance FP32, origin BYTES.',
    ],
    ['a missing input', { inputs: [distance] }, "Input 'origin' is missing"],
    ['an input given twice', { inputs: [distance, distance] }, "Input 'distance' is given twice."],
    [
      'text for a number',
      { inputs: [{ ...distance, datatype: 'BYTES' }, origin] },
      'Input \'distance\' has datatype "BYTES"; the model asks for FP32.',
    ],
    [
      'numbers for text',
      { inputs: [distance, { ...origin, datatype: 'FP32' }] },
      'Input \'origin\' has datatype "FP32"; the model asks for BYTES.',
    ],
    [
      'a shape with other columns',
      { inputs: [{ ...distance, shape: [2, 3] }, origin] },
      "Input 'distance' has shape [2,3]; it must be [N] or [N,1].",
    ],
    ['no rows', { inputs: [{ ...distance, shape: [0, 1] }, origin] }, 'has 0 rows'],
    [
      'too many rows',
      { inputs: [{ ...distance, shape: [maximumRows + 1] }, origin] },
      'one request takes 1 to 1000',
    ],
    [
      'fewer values than the shape says',
      { inputs: [{ ...distance, data: [1] }, origin] },
      "Input 'distance' has 1 values; its shape says 2.",
    ],
    [
      'inputs of different length',
      { inputs: [distance, { ...origin, shape: [1], data: ['ATL'] }] },
      "Input 'origin' has 1 rows; 'distance' has 2.",
    ],
    ['no data', { inputs: [{ ...distance, data: undefined }, origin] }, "needs 'data' as a list"],
    [
      'a string among numbers',
      { inputs: [{ ...distance, data: [1, 'two'] }, origin] },
      'Input \'distance\' has "two" at row 1; it must be a number.',
    ],
    [
      'a number beyond single precision',
      { inputs: [{ ...distance, data: [1, 1e300] }, origin] },
      'not finite in single precision',
    ],
    ['an overflowing number', { inputs: [{ ...distance, data: [1, Infinity] }, origin] }, 'finite'],
    [
      'a fraction among whole numbers',
      { inputs: [{ ...distance, datatype: 'INT32' }, origin] },
      'datatype INT32 is whole numbers',
    ],
    [
      'null among strings',
      { inputs: [distance, { ...origin, data: ['ATL', null] }] },
      "Input 'origin' has null at row 1; it must be a string.",
    ],
    [
      'a NUL among strings',
      { inputs: [distance, { ...origin, data: ['ATL', '\0'] }] },
      'NUL or half of a surrogate pair at row 1',
    ],
  ])('with %s is refused in a sentence', (_, body, sentence) => {
    expect(refusal(body)).toContain(sentence);
  });

  it('does not break on what is nested deeply', () => {
    const deep: unknown = JSON.parse('['.repeat(20_000) + ']'.repeat(20_000));
    for (const body of [deep, { inputs: [{ ...distance, data: [1, deep] }, origin] }])
      expect(refusal(body)).toContain('something nested deeply');
  });

  it('does not put a large value into the sentence', () => {
    expect(refusal({ inputs: 'x'.repeat(10_000) }).length).toBeLessThan(150);
  });
});
