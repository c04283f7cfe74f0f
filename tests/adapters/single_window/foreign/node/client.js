// Calls one operation by the npm package "soap": node client.js WSDL VERSION OPERATION TOKEN < parameters as JSON; prints the answer as JSON.
const fs = require('fs');
const soap = require('soap');
const [wsdl, version, operation, token] = process.argv.slice(2);
const authorization = { Authorization: `Bearer ${token}` };
const options = { wsdl_headers: authorization, forceSoap12Headers: version === '1.2', returnFault: true };

async function main() {
  const client = await soap.createClientAsync(wsdl, options);
  client.addHttpHeader('Authorization', authorization.Authorization);
  const port = version === '1.2' ? 'Soap12' : 'Soap11';
  const call = client.SingleWindow[port][operation];
  const given = JSON.parse(fs.readFileSync(0, 'utf8'));
  const answer = await new Promise((done) => call(given, (error, result) => done(result ?? { fault: String(error) })));
  process.stdout.write(JSON.stringify(answer));
}
main();
