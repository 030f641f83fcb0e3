// @sd-jwt/jwt-status-list reads our token and our list, and packs a list of its own for us to read. Asked on standard
// input with one JSON object, answers with one on standard output.
import { readFileSync } from 'node:fs';
import * as sdjwt from '@sd-jwt/jwt-status-list';

const asked = JSON.parse(readFileSync(0, 'utf8'));
const entry = sdjwt.getStatusListFromJWT(asked.token);
const list = sdjwt.getListFromStatusListJWT(await (await fetch(asked.list ?? entry.uri)).text());
const own = new sdjwt.StatusList(asked.statuses, asked.bits);
process.stdout.write(JSON.stringify({
  entry,
  bits: list.getBitsPerStatus(),
  size: list.statusList.length,
  status: list.getStatus(entry.idx),
  ended: list.statusList.reduce((sum, status) => sum + status, 0),
  lst: own.compressStatusList(),
}));
