// What reports are made of: names, goods, and the sentences that tell a fact or lead away from it.

export const SHIPS: readonly string[] = (
  'Orion Falcon Heron Juniper Marigold Comet Prudence Fortune Swallow Minerva Aurora Dolphin ' +
  'Endeavour Gannet Hazel Ivanhoe Lark Meteor Nautilus Osprey Phoenix Rosalind Sirius Tempest'
).split(' ');

export const PORTS: readonly string[] = (
  'Lisbon Bergen Hull Antwerp Genoa Cadiz Riga Danzig Bristol Marseille Naples Oporto ' +
  'Dublin Leith Malta Trieste Smyrna Boston Halifax Havana Rouen Stockholm Tunis Valparaiso'
).split(' ');

export const DAYS: readonly string[] = 'Monday Tuesday Wednesday Thursday Friday Saturday Sunday'.split(' ');

/** What each is counted in. */
export const UNITS: ReadonlyMap<string, string> = new Map([
  ['oil', 'barrels'],
  ['tar', 'barrels'],
  ['wine', 'casks'],
  ['rum', 'casks'],
  ['wool', 'bales'],
  ['cotton', 'bales'],
  ['salt', 'sacks'],
  ['coffee', 'sacks'],
  ['pepper', 'sacks'],
  ['tea', 'chests'],
  ['silk', 'chests'],
  ['indigo', 'chests'],
]);

export const CAPTAINS: readonly string[] = 'Hale Brand Moreau Lind Costa Reid Novak Ferro'.split(' ');

/** Ways to say what matters, each of one or two sentences that stand together. */
export const ARRIVALS: readonly string[] = [
  'The {ship} came into {port} on {day}.',
  'On {day} the {ship} made fast at {port}.',
  'The {ship} reached {port} at last. It was {day} when she dropped anchor.',
  'On {day} the signal station saw the {ship}. She made fast at {port} before dark.',
];

export const LANDINGS: readonly string[] = [
  'The {ship} landed {amount} {unit} of {cargo}.',
  'The crew of the {ship} carried {amount} {unit} of {cargo} ashore.',
  'The {ship} landed {cargo}. There were {amount} {unit} when all was counted.',
];

/** Ways to say what does not matter: with ships that stayed away, other ports, days and goods, or with none of these. */
export const ASIDES: readonly string[] = [
  'The {ship} had left {otherPort} in fog.',
  'The {otherShip} is due by {otherDay}.',
  'The {otherShip} lost a mast off {otherPort}.',
  'A storm held the {otherShip} until {otherDay}.',
  'The agent had hoped for {otherAmount} {otherUnit} of {otherCargo}.',
  'A year ago she had {otherAmount} {otherUnit} of {otherCargo}.',
  'The price of {otherCargo} will fall before {otherDay}.',
  'Two buyers from {otherPort} waited on the quay.',
  'Captain {captain} thanked the crew.',
  'The cook and {hands} hands were paid off.',
  'Rain fell on the quay all morning.',
  'The pilot came aboard at dawn.',
  'No one was hurt.',
  'The wind had gone round to the north.',
];
