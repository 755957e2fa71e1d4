// The scenario by Google's clients in Node: node scenario.js grpc|rest ADDRESS PROJECT RECEIVER.

import { CloudSchedulerClient } from '@google-cloud/scheduler';
import { CloudTasksClient } from '@google-cloud/tasks';
import { PassThroughClient } from 'google-auth-library';
import { grpc } from 'google-gax';
import assert from 'node:assert/strict';

const BODY = '{"text": "grüße 🙂"}';
const [transport, address, project, receiver] = process.argv.slice(2);

const [servicePath, port] = address.split(':');
const options = {
  servicePath,
  port: Number(port),
  authClient: new PassThroughClient(),
  ...(transport === 'grpc' ? { sslCreds: grpc.credentials.createInsecure() } : { fallback: true, protocol: 'http' }),
};
const tasks = new CloudTasksClient(options);
const jobs = new CloudSchedulerClient(options);

const NOT_IN_IT = 'this version of the library does not have it';

const checks = {
  'create-queue': async () => {
    const queue = await newQueue('created');
    assert.equal(queue.name, `${location('created')}/queues/q`);
    assert.equal(queue.state, 'RUNNING');
    assert.equal(queue.rateLimits.maxDispatchesPerSecond, 500);
    assert.equal(queue.rateLimits.maxConcurrentDispatches, 1000);
    assert.equal(queue.retryConfig.maxAttempts, 100);
    assert.equal(queue.retryConfig.minBackoff.nanos, 100_000_000);
  },
  'create-queue-twice': async () => {
    await newQueue('twice');
    await refused(newQueue('twice'), 'ALREADY_EXISTS', 'Queue already exists');
  },
  'get-queue': async () => {
    const { name } = await newQueue('got');
    assert.equal((await tasks.getQueue({ name }))[0].name, name);
    await refused(tasks.getQueue({ name: `${name}-not` }), 'NOT_FOUND');
  },
  'list-queues': async () => {
    const names = [];
    for (const id of ['a', 'b', 'c']) names.push((await newQueue('listed', id)).name);
    assert.deepEqual(await namesOf(tasks.listQueuesAsync({ parent: location('listed'), pageSize: 2 })), names);
  },
  'filter-queues': async () => {
    await newQueue('filtered', 'runs');
    const name = await paused('filtered', 'paused');
    const found = tasks.listQueuesAsync({ parent: location('filtered'), filter: 'state: PAUSED' });
    assert.deepEqual(await namesOf(found), [name]);
  },
  'update-queue': async () => {
    const { name } = await newQueue('updated');
    const queue = { name, rateLimits: { maxDispatchesPerSecond: 7.5 } };
    const updateMask = { paths: ['rate_limits.max_dispatches_per_second'] };
    const [updated] = await tasks.updateQueue({ queue, updateMask });
    assert.equal(updated.rateLimits.maxDispatchesPerSecond, 7.5);
    assert.equal(updated.rateLimits.maxConcurrentDispatches, 1000);
  },
  'pause-queue': async () => {
    const { name } = await newQueue('pausing');
    assert.equal((await tasks.pauseQueue({ name }))[0].state, 'PAUSED');
    assert.equal((await tasks.resumeQueue({ name }))[0].state, 'RUNNING');
  },
  'purge-queue': async () => {
    const queue = await paused('purged');
    await newTask(queue);
    await tasks.purgeQueue({ name: queue });
    assert.deepEqual(await namesOfTasks(queue), []);
  },
  'delete-queue': async () => {
    const { name } = await newQueue('deleted');
    await tasks.deleteQueue({ name });
    await refused(tasks.getQueue({ name }), 'NOT_FOUND');
    await refused(newQueue('deleted'), 'FAILED_PRECONDITION', 'existed too recently');
  },
  'create-task': async () => {
    const queue = await paused('tasks');
    const task = await newTask(queue);
    assert.ok(task.name.startsWith(`${queue}/tasks/`));
    assert.equal(task.httpRequest.body.length, 0);
    assert.ok(task.scheduleTime);
  },
  'task-views': async () => {
    const { name } = await newTask(await paused('views'));
    assert.equal((await tasks.getTask({ name }))[0].httpRequest.body.length, 0);
    const [full] = await tasks.getTask({ name, responseView: 'FULL' });
    assert.equal(textOf(full.httpRequest.body), BODY);
  },
  'list-tasks': async () => {
    const queue = await paused('list-tasks');
    const names = [];
    for (let number = 0; number < 5; number++) names.push((await newTask(queue)).name);
    assert.deepEqual(await namesOfTasks(queue), names.sort());
  },
  'create-task-twice': async () => {
    const queue = await paused('named');
    const name = `${queue}/tasks/t`;
    await newTask(queue, { name });
    await refused(newTask(queue, { name }), 'ALREADY_EXISTS');
    await tasks.deleteTask({ name });
    await refused(newTask(queue, { name }), 'ALREADY_EXISTS');
  },
  'delete-task': async () => {
    const { name } = await newTask(await paused('delete-task'));
    await tasks.deleteTask({ name });
    await refused(tasks.getTask({ name }), 'NOT_FOUND');
  },
  'deliver-task': async () => {
    const task = await newTask((await newQueue('delivered')).name, { token: 'delivered' });
    const { method, body, headers } = await seen('delivered');
    assert.deepEqual([method, body, headers['x-own']], ['PUT', BODY, 'ours']);
    assert.equal(headers['x-cloudtasks-queuename'], 'q');
    assert.equal(headers['x-cloudtasks-taskname'], task.name.split('/').at(-1));
    assert.equal(headers['x-cloudtasks-taskretrycount'], '0');
  },
  'run-task': async () => {
    const { name } = await newTask(await paused('run'), { token: 'run' });
    await tasks.runTask({ name });
    assert.equal((await seen('run')).body, BODY);
  },
  'batch-create': tasks.batchCreateTasks && (async () => {
    const queue = await paused('batch');
    const [operation] = await batch(queue, 'a', 'b', 'c');
    const [made] = await operation.promise();
    assert.equal(made.tasks.length, 3);
    assert.equal((await namesOfTasks(queue)).length, 3);
  }),
  'batch-delete': tasks.batchDeleteTasks && (async () => {
    const queue = await paused('batch-delete');
    await batch(queue, 'a', 'b', 'c');
    const [operation] = await tasks.batchDeleteTasks({ parent: queue, names: ['a', 'b'].map((id) => `${queue}/tasks/${id}`) });
    await operation.promise();
    assert.deepEqual(await namesOfTasks(queue), [`${queue}/tasks/c`]);
  }),
  'get-operation': tasks.batchCreateTasks && (async () => {
    const [{ name }] = await batch(await paused('operation'), 'a');
    const [found] = await tasks.getOperation({ name });
    assert.deepEqual([found.name, found.done], [name, true]);
  }),
  'error-details': async () => {
    const bad = tasks.getQueue({ name: `${location('details')}/queues/bad_id` });
    const { details } = await refused(bad, 'INVALID_ARGUMENT', 'can contain only letters');
    assert.match(JSON.stringify(details), /Definition of queue ID/);
  },
  'list-locations': async () => {
    await newQueue('locations');
    const ids = [];
    for await (const found of tasks.listLocationsAsync({ name: `projects/${project}` })) ids.push(found.locationId);
    assert.ok(ids.includes('locations'), `${ids}`);
  },
  'get-location': async () => {
    const [found] = await tasks.getLocation({ name: location('located') });
    assert.deepEqual([found.name, found.locationId], [location('located'), 'located']);
  },
  'iam-policy': async () => {
    const { name: resource } = await newQueue('policy');
    const binding = { role: 'roles/cloudtasks.enqueuer', members: ['user:a@b.example'] };
    await tasks.setIamPolicy({ resource, policy: { bindings: [binding] } });
    const [found] = await tasks.getIamPolicy({ resource });
    assert.deepEqual(found.bindings.map(({ role, members }) => ({ role, members })), [binding]);
  },
  'iam-permissions': async () => {
    const { name: resource } = await newQueue('permissions');
    const permissions = ['cloudtasks.tasks.run', 'cloudtasks.queues.get'];
    const [found] = await tasks.testIamPermissions({ resource, permissions });
    assert.deepEqual(found.permissions, permissions.toSorted());
  },
  'cmek-config': tasks.getCmekConfig && (async () => {
    const name = `${location('cmek')}/cmekConfig`;
    const [found] = await tasks.getCmekConfig({ name });
    assert.deepEqual([found.name, found.kmsKey], [name, '']);
  }),
  'create-job': async () => {
    const job = await newJob('job');
    assert.equal(job.name, `${location('job')}/jobs/j`);
    assert.equal(job.state, 'ENABLED');
    assert.ok(job.scheduleTime);
  },
  'create-job-twice': async () => {
    await newJob('job-twice');
    await refused(newJob('job-twice'), 'ALREADY_EXISTS');
  },
  'list-jobs': async () => {
    const names = [];
    for (const id of ['a', 'b', 'c']) names.push((await newJob('jobs', { id })).name);
    assert.deepEqual((await namesOf(jobs.listJobsAsync({ parent: location('jobs'), pageSize: 2 }))).sort(), names);
  },
  'update-job': async () => {
    const { name, httpTarget } = await newJob('update-job');
    const [updated] = await jobs.updateJob({ job: { name, schedule: '0 7 * * *' }, updateMask: { paths: ['schedule'] } });
    assert.deepEqual([updated.schedule, updated.httpTarget.uri], ['0 7 * * *', httpTarget.uri]);
  },
  'pause-job': async () => {
    const { name } = await newJob('pause-job');
    assert.equal((await jobs.pauseJob({ name }))[0].state, 'PAUSED');
    assert.equal((await jobs.resumeJob({ name }))[0].state, 'ENABLED');
  },
  'run-job': async () => {
    const { name } = await newJob('run-job', { token: 'job' });
    await jobs.runJob({ name });
    const { method, body, headers } = await seen('job');
    assert.deepEqual([method, body, headers['x-cloudscheduler']], ['POST', BODY, 'true']);
  },
  'publish-job': async () => {
    const topicName = `projects/${project}/topics/t`;
    const pubsubTarget = { topicName, data: Buffer.from(BODY), attributes: { a: 'b' } };
    const job = { name: `${location('publish')}/jobs/j`, schedule: '0 9 * * *', pubsubTarget };
    await jobs.createJob({ parent: location('publish'), job });
    await jobs.runJob({ name: job.name });
    const { data, attributes } = await published(topicName);
    assert.deepEqual([textOf(data), attributes], [BODY, { a: 'b' }]);
  },
  'delete-job': async () => {
    const { name } = await newJob('delete-job');
    await jobs.deleteJob({ name });
    await refused(jobs.getJob({ name }), 'NOT_FOUND');
  },
  'refuse-job': async () => {
    await refused(newJob('refused', { schedule: 'often' }), 'INVALID_ARGUMENT');
  },
};

// Each check has a location of its own.
function location(id) {
  return `projects/${project}/locations/${id}`;
}

async function newQueue(at, id = 'q') {
  const parent = location(at);
  return (await tasks.createQueue({ parent, queue: { name: `${parent}/queues/${id}` } }))[0];
}

// The name of a queue from which nothing is sent.
async function paused(at, id = 'q') {
  const { name } = await newQueue(at, id);
  await tasks.pauseQueue({ name });
  return name;
}

async function newTask(parent, { name, token = 'none' } = {}) {
  return (await tasks.createTask({ parent, task: message(name, token) }))[0];
}

function message(name, token) {
  const headers = { 'Content-Type': 'application/json', 'X-Own': 'ours' };
  const url = `${receiver}/task/${project}-${token}`;
  return { name, httpRequest: { url, httpMethod: 'PUT', headers, body: Buffer.from(BODY) } };
}

function namesOfTasks(parent) {
  return namesOf(tasks.listTasksAsync({ parent, pageSize: 2 })).then((names) => names.sort());
}

function batch(parent, ...ids) {
  const requests = ids.map((id) => ({ parent, task: message(`${parent}/tasks/${id}`, 'none') }));
  return tasks.batchCreateTasks({ parent, requests });
}

async function newJob(at, { id = 'j', token = 'none', schedule = '0 9 * * *' } = {}) {
  const parent = location(at);
  const httpTarget = { uri: `${receiver}/task/${project}-${token}`, httpMethod: 'POST', body: Buffer.from(BODY) };
  const job = { name: `${parent}/jobs/${id}`, schedule, timeZone: 'Europe/Berlin', httpTarget };
  return (await jobs.createJob({ parent, job }))[0];
}

// The first request that came with this token.
async function seen(token) {
  const response = await fetch(`${receiver}/seen/${project}-${token}`, { signal: AbortSignal.timeout(30_000) });
  return (await response.json())[0];
}

// The first message of the topic, once it is there.
async function published(topic) {
  for (let number = 0; number < 1000; number++) {
    const found = await (await fetch(`http://${address}/published`)).json();
    const one = found.find((one) => one.topic === topic);
    if (one) return one.message;
  }
  assert.fail(`nothing was published to ${topic}`);
}

async function namesOf(found) {
  const names = [];
  for await (const { name } of found) names.push(name);
  return names;
}

// Bytes of a message, which are base64 where they come as a text.
function textOf(bytes) {
  return Buffer.from(bytes, typeof bytes === 'string' ? 'base64' : undefined).toString();
}

// The refusal of a call, which has this code and this text in its message.
async function refused(call, code, text = '') {
  const error = await call.then(
    (answer) => assert.fail(`expected ${code}, not ${JSON.stringify(answer)}`),
    (error) => error,
  );
  const refusal = refusalOf(error);
  assert.equal(refusal.code, code, `${error}`);
  assert.ok(refusal.message.includes(text), `expected ${text} in ${refusal.message}`);
  return refusal;
}

function refusalOf(error) {
  if (transport === 'grpc') {
    return { code: grpc.status[error.code], message: error.message, details: error.statusDetails };
  }
  // Over REST this version of google-gax gives the whole response as the message of its error.
  const { status, message, details } = JSON.parse(error.message).error;
  return { code: status, message, details };
}

for (const [check, run] of Object.entries(checks)) {
  const said = run ? { check, problem: '' } : { check, absent: NOT_IN_IT };
  try {
    await run?.();
  } catch (error) {
    said.problem = `${error}`;
  }
  console.log(JSON.stringify(said));
}
process.exit();
