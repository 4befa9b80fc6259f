import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Properties;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** Fetches, verifies and unpacks the Maven distribution; run by {@code mvnw} with {@code java MavenDownload.java}. */
final class MavenDownload {
  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    try (InputStream in = Files.newInputStream(Path.of(args[0]))) {
      properties.load(in);
    }
    Path home = Path.of(args[1]);
    String url = properties.getProperty("distributionUrl");
    Files.createDirectories(home.getParent());
    Path work = Files.createTempDirectory(home.getParent(), "download-");
    System.out.println("mvnw: fetching " + url);
    Path zip = download(url, work.resolve("maven.zip"));
    verify(zip, properties.getProperty("distributionSha512"));
    unzip(zip, work.resolve("unpacked"));
    try (var roots = Files.list(work.resolve("unpacked"))) {
      moveIntoPlace(roots.findFirst().orElseThrow(), home);
    }
    Files.delete(zip);
  }

  private static Path download(String url, Path target) throws Exception {
    HttpClient client = HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL).build();
    HttpResponse<Path> response =
        client.send(
            HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofFile(target));
    if (response.statusCode() != 200) {
      throw new IOException(url + " answered " + response.statusCode());
    }
    return target;
  }

  private static void verify(Path zip, String expected) throws Exception {
    String actual =
        HexFormat.of().formatHex(MessageDigest.getInstance("SHA-512").digest(Files.readAllBytes(zip)));
    if (!actual.equals(expected)) {
      throw new IOException("SHA-512 of " + zip + " is " + actual + ", expected " + expected);
    }
  }

  private static void unzip(Path zip, Path directory) throws IOException {
    try (ZipInputStream in = new ZipInputStream(Files.newInputStream(zip))) {
      for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
        Path target = directory.resolve(entry.getName()).normalize();
        if (!target.startsWith(directory)) {
          throw new IOException("entry outside the archive: " + entry.getName());
        }
        if (entry.isDirectory()) {
          Files.createDirectories(target);
        } else {
          Files.createDirectories(target.getParent());
          Files.copy(in, target);
        }
      }
    }
  }

  /** Another build may have won the race; its copy is as good as ours. */
  private static void moveIntoPlace(Path unpacked, Path home) throws IOException {
    unpacked.resolve("bin/mvn").toFile().setExecutable(true);
    try {
      Files.move(unpacked, home, StandardCopyOption.ATOMIC_MOVE);
    } catch (FileAlreadyExistsException | java.nio.file.DirectoryNotEmptyException e) {
      System.out.println("mvnw: " + home + " is already there");
    }
  }
}
