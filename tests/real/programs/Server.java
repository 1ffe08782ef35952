import java.io.FileInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.security.KeyStore;
import java.util.Arrays;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

/** A JSSE server: PORT PKCS12 PROTOCOL... [-- SUITE...]. */
class Server {
    public static void main(String[] arguments) throws Exception {
        var password = "changeit".toCharArray();
        var store = KeyStore.getInstance("PKCS12");
        store.load(new FileInputStream(arguments[1]), password);
        var keys = KeyManagerFactory.getInstance("SunX509");
        keys.init(store, password);
        var context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        var listener = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(
            Integer.parseInt(arguments[0]), 50, InetAddress.getByName("127.0.0.1"));
        var rest = Arrays.asList(arguments).subList(2, arguments.length);
        var dashes = rest.indexOf("--");
        var protocols = dashes < 0 ? rest : rest.subList(0, dashes);
        listener.setEnabledProtocols(protocols.toArray(new String[0]));
        listener.setEnabledCipherSuites(
            dashes < 0
                ? listener.getSupportedCipherSuites()
                : rest.subList(dashes + 1, rest.size()).toArray(new String[0]));
        while (true) {
            var socket = (SSLSocket) listener.accept();
            new Thread(() -> serve(socket)).start();
        }
    }

    private static void serve(SSLSocket socket) {
        try (socket) {
            socket.startHandshake();
            while (socket.getInputStream().read() >= 0) {}
        } catch (IOException refused) {
            // The client said no, or went away: it knows why.
        }
    }
}
