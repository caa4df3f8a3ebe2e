// Plays an agent with the official node-agent-sdk against the simulator, and says "ok" when everything went as it should.
'use strict';

const assert = require('assert');
const { Agent } = require('node-agent-sdk');

const domain = process.env.SIMULATOR; // host:port, HTTPS
const https = require('https');
const HUMAN_SKILL = '4129463410';

function control(path, body) {
  return new Promise((resolve, reject) => {
    const request = https.request(`https://${domain}/simulator/${path}`, { method: body ? 'POST' : 'GET' }, response => {
      let text = '';
      response.on('data', part => { text += part; });
      response.on('end', () => resolve(JSON.parse(text)));
    });
    request.on('error', reject);
    request.end(body ? JSON.stringify(body) : undefined);
  });
}

const promised = (agent, name) => (body, metadata) => new Promise((resolve, reject) => {
  agent[name](body, null, metadata || null, (error, answer) => error ? reject(error) : resolve(answer));
});

// The first event of this name for which `wanted` holds. Events that came before are remembered.
function listener(agent, name) {
  const seen = [];
  const waiting = [];
  agent.on(name, body => {
    seen.push(body);
    waiting.forEach(check => check());
  });
  return wanted => new Promise(resolve => {
    const check = () => {
      const found = seen.find(wanted);
      if (found) resolve(found);
    };
    waiting.push(check);
    check();
  });
}

async function play(credentials) {
  const agent = new Agent(Object.assign({ accountId: '12345678', username: 'support-bot', csdsDomain: domain }, credentials));
  agent.on('error', error => { throw error; });
  const ring = listener(agent, 'routing.RoutingTaskNotification');
  const conversation = listener(agent, 'cqm.ExConversationChangeNotification');
  const message = listener(agent, 'ms.MessagingEventNotification');
  await new Promise(resolve => agent.on('connected', resolve));

  const clock = await promised(agent, 'getClock')({});
  assert.ok(clock.currentTime > 0);
  await promised(agent, 'subscribeExConversations')({ agentIds: [agent.agentId], convState: ['OPEN'] });
  await promised(agent, 'subscribeRoutingTasks')({});
  await promised(agent, 'subscribeAgentsState')({});
  await promised(agent, 'setAgentState')({ availability: 'ONLINE' });

  const started = await control('conversations', { text: 'hello', consumer: { firstName: 'Ada', lastName: 'Lovelace' } });
  const id = started.conversation.id;
  const consumer = started.conversation.consumer.id;
  const rang = await ring(body => body.changes.some(change => change.result.conversationId === id));
  const { ringId } = rang.changes[0].result.ringsDetails[0];
  await promised(agent, 'updateRingState')({ ringId, ringState: 'ACCEPTED' });
  const mine = await conversation(body => body.changes.some(change => change.type === 'UPSERT' && change.result.convId === id));
  const details = mine.changes[0].result.conversationDetails;
  assert.ok(details.participants.some(one => one.id === agent.agentId && one.role === 'ASSIGNED_AGENT'));

  await promised(agent, 'subscribeMessagingEvents')({ dialogId: id });
  const history = await message(body => body.changes.some(change => change.event.message === 'hello'));
  assert.strictEqual(history.changes[0].sequence, 0);
  const profile = await promised(agent, 'getUserProfile')(consumer);
  assert.strictEqual(profile[profile.length - 1].personal.firstname, 'Ada');

  const say = text => promised(agent, 'publishEvent')({
    dialogId: id, event: { type: 'ContentEvent', contentType: 'text/plain', message: text },
  });
  const { sequence } = await say('How can I help?');
  const echo = await message(body => body.changes.some(change => change.sequence === sequence));
  assert.strictEqual(echo.changes[0].originatorId, agent.agentId);
  await promised(agent, 'publishEvent')({
    dialogId: id,
    event: { type: 'RichContentEvent', content: { type: 'vertical', elements: [{ type: 'text', text: 'a card' }] } },
  }, [{ type: 'ExternalId', id: 'card' }]);
  await promised(agent, 'publishEvent')({ dialogId: id, event: { type: 'AcceptStatusEvent', status: 'READ', sequenceList: [0] } });
  await control(`conversations/${id}/consumer/say`, { text: 'Are you a bot?' });
  await message(body => body.changes.some(change => change.event.message === 'Are you a bot?'));

  await promised(agent, 'updateConversationField')({
    conversationId: id,
    conversationField: [
      { field: 'ParticipantsChange', type: 'REMOVE', role: 'ASSIGNED_AGENT' },
      { field: 'Skill', type: 'UPDATE', skill: HUMAN_SKILL },
    ],
  }, [{ type: 'ActionReason', reason: 'escalated_by_bot' }]);
  await conversation(body => body.changes.some(change => change.type === 'DELETE' && change.result.convId === id));
  const moved = await control(`conversations/${id}`);
  assert.strictEqual(moved.skill, HUMAN_SKILL);
  assert.strictEqual(moved.transfers[0].metadata[0].reason, 'escalated_by_bot');

  const second = (await control('conversations', { text: 'again' })).conversation.id;
  const rangAgain = await ring(body => body.changes.some(change => change.result.conversationId === second));
  await promised(agent, 'updateRingState')({ ringId: rangAgain.changes[0].result.ringsDetails[0].ringId, ringState: 'ACCEPTED' });
  await conversation(body => body.changes.some(change => change.type === 'UPSERT' && change.result.convId === second));
  await promised(agent, 'updateConversationField')({
    conversationId: second,
    conversationField: [{ field: 'ConversationStateField', conversationState: 'CLOSE' }],
  });
  await conversation(body => body.changes.some(change => change.type === 'DELETE' && change.result.convId === second));
  assert.strictEqual((await control(`conversations/${second}`)).closeReason, 'AGENT');
  agent.dispose();
}

(async () => {
  await play({
    appKey: 'support-bot-key', secret: 'support-bot-secret',
    accessToken: 'support-bot-token', accessTokenSecret: 'support-bot-token-secret',
  });
  await play({ password: 'support-bot-password' });
  console.log('ok');
  process.exit(0);
})().catch(error => {
  console.error(error);
  process.exit(1);
});
setTimeout(() => { console.error('too slow'); process.exit(2); }, 60000);
