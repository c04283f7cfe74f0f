// Serves one operation by Apache Axis 1.4: java Server.java NAMESPACE OPERATION PARAMETER RESULT ANSWER-FILE TAKEN-FILE; prints its port.

import java.io.ByteArrayInputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.axis.configuration.FileProvider;
import org.apache.axis.transport.http.SimpleAxisServer;

public class Server {
    static Path answer;
    static Path taken;

    public static class Partner {
        public String take(String given) throws Exception {
            Files.writeString(taken, given);
            return Files.readString(answer);
        }
    }

    public static void main(String[] words) throws Exception {
        answer = Path.of(words[4]);
        taken = Path.of(words[5]);
        SimpleAxisServer server = new SimpleAxisServer();
        server.setMyConfig(new FileProvider(new ByteArrayInputStream(described(words).getBytes(StandardCharsets.UTF_8))));
        ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        server.setServerSocket(socket);
        // Java runs this file from memory; Axis looks for classes where its threads do.
        Thread.currentThread().setContextClassLoader(Server.class.getClassLoader());
        System.out.println(socket.getLocalPort());
        server.run();
    }

    private static String described(String[] words) {
        return """
            <deployment xmlns="http://xml.apache.org/axis/wsdd/" xmlns:java="http://xml.apache.org/axis/wsdd/providers/java">
             <handler name="dispatch" type="java:org.apache.axis.handlers.JAXRPCHandler"/>
             <transport name="SimpleHTTP"><requestFlow><handler type="java:org.apache.axis.handlers.http.URLMapper"/></requestFlow></transport>
             <service name="service" provider="java:RPC" style="wrapped" use="literal">
              <parameter name="className" value="Server$Partner"/>
              <parameter name="allowedMethods" value="take"/>
              <operation name="take" qname="o:%2$s" xmlns:o="%1$s" returnQName="o:%4$s" returnType="x:string" xmlns:x="http://www.w3.org/2001/XMLSchema">
               <parameter qname="o:%3$s" type="x:string"/>
              </operation>
             </service>
            </deployment>
            """.formatted((Object[]) words);
    }
}
