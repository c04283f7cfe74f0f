// Calls one operation by Apache Axis 1.4, the stack of the first generation's partners:
// java Client.java WSDL VERSION OPERATION NAMESPACE TOKEN; stdin: parameters in their order, each as a line of Base64 of UTF-8; prints the answer.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Hashtable;
import java.util.List;
import javax.xml.namespace.QName;
import org.apache.axis.AxisFault;
import org.apache.axis.client.Call;
import org.apache.axis.client.Service;
import org.apache.axis.soap.SOAPConstants;
import org.apache.axis.transport.http.HTTPConstants;

public class Client {
    public static void main(String[] words) throws Exception {
        String space = words[3];
        Service service = new Service(new URL(words[0]), new QName(space, "SingleWindow"));
        // Axis reads no binding of SOAP 1.2 out of a WSDL, and yet it speaks it.
        Call call = (Call) service.createCall(new QName(space, "Soap11"), new QName(space, words[2]));
        if (words[1].equals("1.2")) call.setSOAPVersion(SOAPConstants.SOAP12_CONSTANTS);
        Hashtable<String, String> headers = new Hashtable<>();
        headers.put("Authorization", "Bearer " + words[4]);
        call.setProperty(HTTPConstants.REQUEST_HEADERS, headers);
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        try {
            out.print(call.invoke(given()));
        } catch (AxisFault fault) {
            out.print("FAULT " + fault.getFaultCode().getLocalPart() + " " + fault.getFaultString());
        }
    }

    private static Object[] given() throws Exception {
        List<Object> values = new ArrayList<>();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            values.add(new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8));
        }
        return values.toArray();
    }
}
