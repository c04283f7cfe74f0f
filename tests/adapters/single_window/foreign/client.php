<?php
// Calls one operation by PHP's own SoapClient: php client.php WSDL VERSION OPERATION TOKEN < parameters as JSON; prints the answer as JSON.
[, $wsdl, $version, $operation, $token] = $argv;
$headers = stream_context_create(['http' => ['header' => "Authorization: Bearer $token"]]);
$client = new SoapClient($wsdl, [
    'soap_version' => $version === '1.2' ? SOAP_1_2 : SOAP_1_1,
    'stream_context' => $headers,
    'cache_wsdl' => WSDL_CACHE_NONE,
    'exceptions' => true,
]);
try {
    echo json_encode($client->__soapCall($operation, [json_decode(stream_get_contents(STDIN))]), JSON_THROW_ON_ERROR);
} catch (SoapFault $fault) {
    echo json_encode(['fault' => $fault->faultcode, 'text' => $fault->faultstring], JSON_THROW_ON_ERROR);
}
