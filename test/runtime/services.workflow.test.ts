import { expect, test } from 'vitest';
import { searchAttributes } from '../../contracts/messages.js';
import { freshNamespace } from '../support/temporal.js';

test('a fresh namespace knows our search attributes and takes a workflow that sets one', async () => {
  const { client, namespace, close } = await freshNamespace();
  const { customAttributes } = await client.connection.operatorService.listSearchAttributes({
    namespace,
  });
  expect(Object.keys(customAttributes).toSorted()).toEqual(
    Object.keys(searchAttributes).toSorted(),
  );
  const handle = await client.workflow.start('deliverModel', {
    workflowId: 'deliver/flight-delay',
    taskQueue: 'nobody-polls-this',
  });
  expect((await handle.describe()).status.name).toBe('RUNNING');
  await close();
});
