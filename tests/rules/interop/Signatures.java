// Signs and verifies XML documents with Apache Santuario, and with the JDK's own XML-DSig.
//
//   java -cp xmlsec.jar:... Signatures.java verify FILE...      one line for each file: name, Santuario's word, the JDK's word
//   java -cp xmlsec.jar:... Signatures.java sign KEYS JOBS      one document for each line of JOBS (name=value, tab between)
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Key;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.xml.XMLConstants;
import javax.xml.crypto.KeySelector;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.SignedInfo;
import javax.xml.crypto.dsig.Transform;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.crypto.dsig.keyinfo.KeyInfo;
import javax.xml.crypto.dsig.keyinfo.KeyInfoFactory;
import javax.xml.crypto.dsig.spec.C14NMethodParameterSpec;
import javax.xml.crypto.dsig.spec.TransformParameterSpec;
import javax.xml.parsers.DocumentBuilderFactory;
import org.apache.xml.security.Init;
import org.apache.xml.security.signature.ObjectContainer;
import org.apache.xml.security.signature.XMLSignature;
import org.apache.xml.security.transforms.Transforms;
import org.apache.xml.security.transforms.params.InclusiveNamespaces;
import org.apache.xml.security.utils.XMLUtils;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NamedNodeMap;
import org.w3c.dom.NodeList;

public class Signatures {
    static final String DS = "http://www.w3.org/2000/09/xmldsig#";
    static final String XADES = "http://uri.etsi.org/01903/v1.3.2#";
    static final String SIGNED_PROPERTIES = "http://uri.etsi.org/01903#SignedProperties";
    static final char[] PASSWORD = "test".toCharArray();

    public static void main(String[] words) throws Exception {
        Init.init();
        if (words[0].equals("verify")) {
            for (int at = 1; at < words.length; at++) {
                System.out.println(new File(words[at]).getName() + "\t" + bySantuario(words[at]) + "\t" + byTheJdk(words[at]));
            }
        } else {
            KeyStore keys = KeyStore.getInstance("PKCS12");
            try (FileInputStream in = new FileInputStream(words[1])) {
                keys.load(in, PASSWORD);
            }
            for (String line : Files.readAllLines(Path.of(words[2]))) {
                Map<String, String> job = new HashMap<>();
                for (String pair : line.split("\t")) {
                    job.put(pair.substring(0, pair.indexOf('=')), pair.substring(pair.indexOf('=') + 1));
                }
                sign(keys, job);
            }
        }
    }

    static Document read(String file) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
        Document document = factory.newDocumentBuilder().parse(new File(file));
        markIds(document);
        return document;
    }

    static void markIds(Document document) {
        NodeList all = document.getElementsByTagName("*");
        for (int at = 0; at < all.getLength(); at++) {
            NamedNodeMap attributes = all.item(at).getAttributes();
            for (int n = 0; n < attributes.getLength(); n++) {
                String name = attributes.item(n).getNodeName();
                if (name.equals("Id") || name.equals("ID") || name.equals("id")) {
                    ((Element) all.item(at)).setIdAttribute(name, true);
                }
            }
        }
    }

    static Element signatureOf(Document document) {
        return (Element) document.getElementsByTagNameNS(DS, "Signature").item(0);
    }

    static String bySantuario(String file) {
        try {
            XMLSignature signature = new XMLSignature(signatureOf(read(file)), "", true);
            return "" + signature.checkSignatureValue(signature.getKeyInfo().getX509Certificate());
        } catch (Exception error) {
            return "cannot: " + error.toString().replaceAll("\\s+", " ");
        }
    }

    static String byTheJdk(String file) {
        try {
            Document document = read(file);
            Element element = signatureOf(document);
            Element held = (Element) element.getElementsByTagNameNS(DS, "X509Certificate").item(0);
            byte[] octets = Base64.getMimeDecoder().decode(held.getTextContent());
            Certificate certificate = CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(octets));
            DOMValidateContext context = new DOMValidateContext(KeySelector.singletonKeySelector(certificate.getPublicKey()), element);
            context.setProperty("org.jcp.xml.dsig.secureValidation", Boolean.TRUE);
            return "" + XMLSignatureFactory.getInstance("DOM").unmarshalXMLSignature(context).validate(context);
        } catch (Exception error) {
            return "cannot: " + error.toString().replaceAll("\\s+", " ");
        }
    }

    static void sign(KeyStore keys, Map<String, String> job) throws Exception {
        Document document = read(job.get("in"));
        Key key = keys.getKey(job.get("key"), PASSWORD);
        X509Certificate certificate = (X509Certificate) keys.getCertificate(job.get("key"));
        if ("jdk".equals(job.get("by"))) {
            signByTheJdk(document, (PrivateKey) key, certificate, job);
        } else {
            signBySantuario(document, (PrivateKey) key, certificate, job);
        }
        try (FileOutputStream out = new FileOutputStream(job.get("out"))) {
            XMLUtils.outputDOM(document, out, true);
        }
    }

    static void signBySantuario(Document document, PrivateKey key, X509Certificate certificate, Map<String, String> job)
        throws Exception {
        XMLSignature signature = new XMLSignature(document, "", job.get("method"), job.get("c14n"));
        Element holder = document.getDocumentElement();
        if (job.containsKey("below")) {
            holder = (Element) document.getElementsByTagName(job.get("below")).item(0);
        }
        holder.appendChild(signature.getElement());
        Transforms transforms = new Transforms(document);
        transforms.addTransform(Transforms.TRANSFORM_ENVELOPED_SIGNATURE);
        if (job.containsKey("prefixes")) {
            transforms.addTransform(job.get("transform"), new InclusiveNamespaces(document, job.get("prefixes")).getElement());
        } else if (job.containsKey("transform")) {
            transforms.addTransform(job.get("transform"));
        }
        if (job.containsKey("xades")) {
            signature.setId("sig-java");
            if (job.get("xades").equals("first")) {
                addProperties(document, signature, certificate, job);
            }
        }
        signature.addDocument(job.getOrDefault("uri", ""), transforms, job.get("digest"));
        if ("last".equals(job.get("xades"))) {
            addProperties(document, signature, certificate, job);
        }
        signature.addKeyInfo(certificate);
        if (job.containsKey("keyvalue")) {
            signature.addKeyInfo(certificate.getPublicKey());
        }
        signature.sign(key);
    }

    static void signByTheJdk(Document document, PrivateKey key, X509Certificate certificate, Map<String, String> job) throws Exception {
        XMLSignatureFactory factory = XMLSignatureFactory.getInstance("DOM");
        List<Transform> steps = List.of(
            factory.newTransform(Transform.ENVELOPED, (TransformParameterSpec) null),
            factory.newTransform(job.get("transform"), (TransformParameterSpec) null));
        Reference whole = factory.newReference(
            job.getOrDefault("uri", ""), factory.newDigestMethod(job.get("digest"), null), steps, null, null);
        SignedInfo info = factory.newSignedInfo(
            factory.newCanonicalizationMethod(job.get("c14n"), (C14NMethodParameterSpec) null),
            factory.newSignatureMethod(job.get("method"), null),
            List.of(whole));
        KeyInfoFactory keys = factory.getKeyInfoFactory();
        KeyInfo held = keys.newKeyInfo(List.of(keys.newX509Data(List.of(certificate.getSubjectX500Principal().getName(), certificate))));
        factory.newXMLSignature(info, held).sign(new DOMSignContext(key, document.getDocumentElement()));
    }

    static void addProperties(Document document, XMLSignature signature, X509Certificate certificate, Map<String, String> job)
        throws Exception {
        Element qualifying = element(document, null, "QualifyingProperties");
        qualifying.setAttributeNS(XMLConstants.XMLNS_ATTRIBUTE_NS_URI, "xmlns:xades", XADES);
        qualifying.setAttributeNS(null, "Target", "#sig-java");
        Element signed = element(document, qualifying, "SignedProperties");
        signed.setAttributeNS(null, "Id", "properties-java");
        signed.setIdAttributeNS(null, "Id", true);
        Element about = element(document, signed, "SignedSignatureProperties");
        element(document, about, "SigningTime").setTextContent("2026-03-02T09:15:04+07:00");
        Element digest = element(document, element(document, element(document, about, job.get("named_in")), "Cert"), "CertDigest");
        Element method = document.createElementNS(DS, "ds:DigestMethod");
        method.setAttributeNS(null, "Algorithm", "http://www.w3.org/2001/04/xmlenc#sha256");
        digest.appendChild(method);
        Element value = document.createElementNS(DS, "ds:DigestValue");
        byte[] octets = MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded());
        value.setTextContent(Base64.getEncoder().encodeToString(octets));
        digest.appendChild(value);
        ObjectContainer holder = new ObjectContainer(document);
        holder.appendChild(qualifying);
        signature.appendObject(holder);
        Transforms transforms = null;
        if (job.containsKey("properties_c14n")) {
            transforms = new Transforms(document);
            transforms.addTransform(job.get("properties_c14n"));
        }
        signature.addDocument("#properties-java", transforms, job.get("digest"), null, SIGNED_PROPERTIES);
    }

    static Element element(Document document, Element parent, String name) {
        Element made = document.createElementNS(XADES, "xades:" + name);
        if (parent != null) {
            parent.appendChild(made);
        }
        return made;
    }
}
