// Connects to each target on standard input and prints what Java says: NAME TAB LINE.
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public class Client {
    public static void main(String[] arguments) throws Exception {
        KeyStore roots = KeyStore.getInstance("PKCS12");
        roots.load(null, null);
        try (FileInputStream file = new FileInputStream(arguments[0])) {
            roots.setCertificateEntry("root",
                CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(roots);
        KeyStore identity = KeyStore.getInstance("PKCS12");
        try (FileInputStream file = new FileInputStream(arguments[1])) {
            identity.load(file, "capture".toCharArray());
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(identity, "capture".toCharArray());
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String[] fields = line.split("\t", -1);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(fields[4].equals("certificate") ? keys.getKeyManagers() : null,
                trust.getTrustManagers(), null);
            try {
                connect(context, fields);
            } catch (Exception failed) {
                for (Throwable each = failed; each != null; each = each.getCause()) {
                    System.out.println(fields[0] + "\t" + each);
                }
            }
        }
    }

    private static void connect(SSLContext context, String[] fields) throws Exception {
        int port = Integer.parseInt(fields[2]);
        String name = fields[3].isEmpty() ? fields[1] : fields[3];
        try (Socket plain = new Socket()) {
            plain.connect(new InetSocketAddress(fields[1], port), 2000);
            plain.setSoTimeout(2000);
            SSLSocket socket = (SSLSocket) context.getSocketFactory()
                .createSocket(plain, name, port, true);
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            parameters.setApplicationProtocols(new String[] {"h2", "http/1.1"});
            if (fields[4].equals("tls12")) {
                parameters.setProtocols(new String[] {"TLSv1.2"});
            }
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            socket.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes());
            while (socket.getInputStream().read() >= 0) { }
        }
    }
}
