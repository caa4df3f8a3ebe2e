// A bot agent written with the official SDK. It does what consumers tell it, and tells the test what happens,
// one JSON object a line. The test gives the surroundings in the environment:
//
// CLOUD                 host:port of the domain service (HTTPS; NODE_EXTRA_CA_CERTS trusts its authority)
// ACCOUNT, USERNAME     who it is
// PASSWORD              its password; without one, the four parts of its key are made from its name
// HUMAN_SKILL           where "human" transfers to
'use strict';

const { Agent } = require('node-agent-sdk');
const { ACCOUNT, CLOUD, HUMAN_SKILL, PASSWORD, USERNAME } = process.env;

const tell = (what, more) => console.log(JSON.stringify({ what, ...more }));
const fail = (during) => (error) => error && tell('error', { during, error: error.body || error.message || error });

const credentials = PASSWORD
    ? { password: PASSWORD }
    : {
        appKey: `${USERNAME}-key`,
        secret: `${USERNAME}-secret`,
        accessToken: `${USERNAME}-token`,
        accessTokenSecret: `${USERNAME}-token-secret`,
    };
const agent = new Agent({ accountId: ACCOUNT, username: USERNAME, csdsDomain: CLOUD, ...credentials });

agent.on('error', (error) => tell('error', { during: 'the session', error: error.message || String(error) }));
agent.on('warn', (warning) => tell('error', { during: 'a notification', error: warning }));
agent.on('closed', () => tell('closed'));

agent.on('connected', () => {
    tell('connected', { agentId: agent.agentId });
    agent.getClock({}, (error, answer) => {
        fail('getClock')(error);
        tell('clock', { answer });
    });
    agent.subscribeAgentsState({}, fail('subscribeAgentsState'));
    agent.subscribeExConversations({ convState: ['OPEN'], agentIds: [agent.agentId] }, fail('subscribeExConversations'));
    agent.subscribeRoutingTasks({}, fail('subscribeRoutingTasks'));
    agent.setAgentState({ availability: 'ONLINE' }, (error, answer) => {
        fail('setAgentState')(error);
        tell('online', { answer });
    });
});

agent.on('routing.RoutingTaskNotification', ({ changes }) => {
    for (const { type, result } of changes) {
        if (type !== 'UPSERT') continue;
        for (const { ringId, ringState } of result.ringsDetails) {
            if (ringState !== 'WAITING') continue;
            agent.updateRingState({ ringId, ringState: 'ACCEPTED' }, (error, answer) => {
                fail('updateRingState')(error);
                tell('accepted', { conversation: result.conversationId, answer });
            });
        }
    }
});

// Conversations that are mine, with the highest sequence that was answered.
const mine = new Map();

agent.on('cqm.ExConversationChangeNotification', ({ changes }) => {
    for (const { type, result } of changes) {
        const { convId, conversationDetails } = result;
        if (type === 'DELETE') {
            tell('left', { conversation: convId });
            mine.delete(convId);
            continue;
        }
        const me = conversationDetails.participants.find(({ id }) => id === agent.agentId);
        if (!me || mine.has(convId)) continue;
        mine.set(convId, -1);
        const consumer = conversationDetails.participants.find(({ role }) => role === 'CONSUMER');
        agent.getUserProfile(consumer.id, (error, profile) => {
            fail('getUserProfile')(error);
            tell('joined', { conversation: convId, role: me.role, profile });
        });
        agent.subscribeMessagingEvents({ dialogId: convId }, fail('subscribeMessagingEvents'));
    }
});

agent.on('ms.MessagingEventNotification', ({ dialogId, changes }) => {
    if (changes.length > 1) {
        const texts = changes.filter(({ event }) => event.type === 'ContentEvent').map(({ event }) => event.message);
        tell('history', { conversation: dialogId, texts });
    }
    for (const { sequence, originatorId, event } of changes) {
        if (event.type !== 'ContentEvent' || originatorId === agent.agentId) continue;
        if (sequence <= (mine.get(dialogId) ?? -1)) continue;
        mine.set(dialogId, sequence);
        agent.publishEvent({ dialogId, event: { type: 'AcceptStatusEvent', status: 'READ', sequenceList: [sequence] } },
            fail('publishEvent of a receipt'));
        answer(dialogId, event.message);
    }
});

function answer(dialogId, message) {
    const update = (metadata, ...conversationField) => agent.updateConversationField(
        { conversationId: dialogId, conversationField }, null, metadata,
        (error, answer) => {
            fail(`updateConversationField for ${message}`)(error);
            tell('updated', { conversation: dialogId, message, answer });
        },
    );
    const publish = (event, metadata) => agent.publishEvent({ dialogId, event }, null, metadata, (error, answer) => {
        fail('publishEvent')(error);
        tell('published', { conversation: dialogId, answer });
    });
    switch (message) {
    case 'history':
        return agent.subscribeMessagingEvents({ dialogId, fromSeq: 0 }, fail('subscribeMessagingEvents again'));
    case 'card':
        return publish(
            { type: 'RichContentEvent', content: { type: 'vertical', elements: [{ type: 'text', text: 'a card' }] } },
            [{ type: 'ExternalId', id: 'card' }],
        );
    case 'human':
        return update(
            [{ type: 'ActionReason', reason: 'escalated_by_bot' }],
            { field: 'ParticipantsChange', type: 'REMOVE', role: 'ASSIGNED_AGENT' },
            { field: 'Skill', type: 'UPDATE', skill: HUMAN_SKILL },
        );
    case 'close':
        return update(undefined, { field: 'ConversationStateField', conversationState: 'CLOSE' });
    default:
        return publish({ type: 'ContentEvent', contentType: 'text/plain', message: `You said: ${message}` });
    }
}
