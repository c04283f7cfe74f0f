// Serves one operation by the npm package "soap": node server.js WSDL-FILE OPERATION RESULT ANSWER-FILE TAKEN-FILE; prints its port.
const fs = require('fs');
const http = require('http');
const soap = require('soap');
const [wsdl, operation, result, answer, taken] = process.argv.slice(2);
const operations = {
  [operation]: (given) => {
    fs.writeFileSync(taken, JSON.stringify(given));
    return { [result]: fs.readFileSync(answer, 'utf8') };
  },
};
const service = { SingleWindow: { Soap11: operations, Soap12: operations } };
const server = http.createServer((request, response) => response.writeHead(404).end());
server.listen(0, '127.0.0.1', () => {
  soap.listen(server, '/service', service, fs.readFileSync(wsdl, 'utf8'));
  process.stdout.write(`${server.address().port}\n`);
});
