import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Date;
import java.util.TimeZone;
import org.quartz.CronExpression;

/**
 * Fire times as Quartz computes them: one request a line in, one JSON answer a line out.
 *
 * <p>A request is tab-separated: the cron expression, the zone, then from and to of each window in
 * Unix seconds, from inclusive, to exclusive.
 */
public final class QuartzEngine {
  private QuartzEngine() {}

  public static void main(String[] arguments) throws Exception {
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      System.out.println(answer(line.split("\t", -1)));
      System.out.flush();
    }
  }

  private static String answer(String[] asked) {
    CronExpression expression;
    try {
      expression = new CronExpression(asked[0]);
    } catch (Exception refused) {
      return "{\"error\": \"" + escaped(String.valueOf(refused.getMessage())) + "\"}";
    }
    expression.setTimeZone(TimeZone.getTimeZone(asked[1]));
    StringBuilder fires = new StringBuilder();
    for (int window = 2; window + 1 < asked.length; window += 2) {
      long end = Long.parseLong(asked[window + 1]) * 1000L;
      Date at = new Date(Long.parseLong(asked[window]) * 1000L - 1000L);
      for (at = expression.getNextValidTimeAfter(at);
          at != null && at.getTime() < end;
          at = expression.getNextValidTimeAfter(at)) {
        fires.append(fires.length() == 0 ? "" : ",").append(at.getTime() / 1000L);
      }
    }
    return "{\"fires\": [" + fires + "]}";
  }

  private static String escaped(String text) {
    StringBuilder plain = new StringBuilder();
    for (char letter : text.toCharArray()) {
      plain.append(letter < ' ' || letter == '"' || letter == '\\' || letter > '~' ? '?' : letter);
    }
    return plain.toString();
  }
}
