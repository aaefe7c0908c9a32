import java.io.IOException;

/** ElasticMQ, until whoever started it is gone. */
class Engine {
    public static void main(String[] options) throws IOException {
        org.elasticmq.server.Main.main(options);
        while (System.in.read() >= 0) {}
        System.exit(0);
    }
}
