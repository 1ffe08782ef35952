import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import sun.security.util.HostnameChecker;
import sun.security.validator.Validator;

/**
 * Asks what JSSE asks about the chain of a server: one directory a line on standard input, one
 * answer a line on standard output. The argument is the time of the check in Unix seconds.
 */
public final class PathCheck {
    public static void main(String[] arguments) throws IOException {
        Date when = new Date(Long.parseLong(arguments[0]) * 1000);
        BufferedReader directories = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = directories.readLine()) != null; ) {
            System.out.println(answer(Path.of(line), when));
        }
    }

    private static String answer(Path directory, Date when) throws IOException {
        try {
            List<X509Certificate> chain = read(directory.resolve("chain.pem"));
            Set<TrustAnchor> anchors = new HashSet<>();
            for (X509Certificate each : read(directory.resolve("anchors.pem"))) {
                anchors.add(new TrustAnchor(each, null));
            }
            PKIXBuilderParameters parameters =
                    new PKIXBuilderParameters(anchors, new X509CertSelector());
            parameters.setDate(when);
            parameters.setRevocationEnabled(false);
            Validator.getInstance(Validator.TYPE_PKIX, Validator.VAR_TLS_SERVER, parameters)
                    .validate(chain.toArray(new X509Certificate[0]), null, List.of(), null, "UNKNOWN");
            HostnameChecker.getInstance(HostnameChecker.TYPE_TLS)
                    .match(Files.readString(directory.resolve("name")), chain.get(0));
            return "accepted";
        } catch (GeneralSecurityException refused) {
            return "refused " + refused.getMessage().replace('\n', ' ');
        }
    }

    private static List<X509Certificate> read(Path file)
            throws GeneralSecurityException, IOException {
        List<X509Certificate> found = new ArrayList<>();
        try (InputStream octets = Files.newInputStream(file)) {
            CertificateFactory.getInstance("X.509").generateCertificates(octets)
                    .forEach(each -> found.add((X509Certificate) each));
        }
        return found;
    }
}
