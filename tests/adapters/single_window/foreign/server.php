<?php
// Answers one call by PHP's own SoapServer: php server.php WSDL VERSION OPERATION RESULT ANSWER-FILE TAKEN-FILE < the request.
[, $wsdl, $version, $operation, $result, $answer, $taken] = $argv;
$server = new SoapServer($wsdl, ['soap_version' => $version === '1.2' ? SOAP_1_2 : SOAP_1_1, 'cache_wsdl' => WSDL_CACHE_NONE]);
class Service
{
    public function __call($name, $given)
    {
        global $operation, $result, $answer, $taken;
        if ($name !== $operation) {
            throw new SoapFault('Client', "no operation $name");
        }
        file_put_contents($taken, json_encode($given[0], JSON_THROW_ON_ERROR));
        return [$result => file_get_contents($answer)];
    }
}
$server->setObject(new Service());
$server->handle(stream_get_contents(STDIN));
