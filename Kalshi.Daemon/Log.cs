using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon;

/// <summary>
/// Every log sentence of kalshid. ERROR = data lost or a human needed; WARN = recovered by itself; INFO = lifecycle; nothing
/// per message. Event ids: gather 1xx, exchange 2xx, journal 3xx, export 4xx, simulate 5xx.
/// </summary>
internal static partial class Log
{
    // gather 1xx
    [LoggerMessage(EventId = 100, Level = LogLevel.Information, Message = "kalshid started. version={Version} mode={Mode} config={Config}")]
    public static partial void Started(this ILogger log, string version, string mode, string config);

    [LoggerMessage(EventId = 101, Level = LogLevel.Information, Message = "Effective options. {Options}")]
    public static partial void EffectiveOptions(this ILogger log, string options);

    // exchange 2xx

    // journal 3xx
    [LoggerMessage(EventId = 300, Level = LogLevel.Information, Message = "Journal opened. directory={Directory} last_received_at={LastReceivedAt} first_free_session={FirstFreeSession}")]
    public static partial void JournalOpened(this ILogger log, string directory, long lastReceivedAt, int firstFreeSession);

    [LoggerMessage(EventId = 301, Level = LogLevel.Warning, Message = "Journal tail truncated to the last whole block. segment={Segment} state={State} from_bytes={FromBytes} to_bytes={ToBytes}")]
    public static partial void JournalTailTruncated(this ILogger log, string segment, string state, long fromBytes, long toBytes);

    [LoggerMessage(EventId = 302, Level = LogLevel.Error, Message = "Journal damaged; the rest is still read. segment={Segment} from_offset={FromOffset} to_offset={ToOffset} after={After} before={Before} damage={Damage}")]
    public static partial void JournalDamaged(this ILogger log, string segment, long fromOffset, long toOffset, long after, long before, string damage);

    [LoggerMessage(EventId = 303, Level = LogLevel.Error, Message = "Disk refused the journal; the block is kept and tried again. segment={Segment} pending_bytes={PendingBytes}")]
    public static partial void JournalRefused(this ILogger log, string segment, int pendingBytes, Exception exception);

    [LoggerMessage(EventId = 304, Level = LogLevel.Information, Message = "Disk takes the journal again. segment={Segment}")]
    public static partial void JournalAccepted(this ILogger log, string segment);

    [LoggerMessage(EventId = 305, Level = LogLevel.Error, Message = "Sync failed: records after durable may not survive a power cut until kalshid is restarted on a sound disk. segment={Segment} durable={Durable}")]
    public static partial void JournalSyncFailed(this ILogger log, string segment, long durable, Exception exception);

    [LoggerMessage(EventId = 306, Level = LogLevel.Error, Message = "Records were lost: the disk refused them to the end. records={Records} bytes={Bytes} from={From} to={To}")]
    public static partial void JournalLost(this ILogger log, int records, int bytes, long from, long to);

    // export 4xx

    // simulate 5xx
}

/// <summary>
/// One line an entry on standard error: `2026-11-23T14:00:00.123Z INFO  Sentence. key=value`. Thread-safe. `StatusLine` is
/// the single line that is redrawn on a terminal below the log.
/// </summary>
internal sealed class ConsoleLog(LogLevel minimum = LogLevel.Information) : ILogger
{
    private readonly Lock _lock = new();
    private string _statusLine = "";

    public static bool IsTerminal => !Console.IsErrorRedirected;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= minimum;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
        {
            return;
        }

        var level = logLevel switch { LogLevel.Information => "INFO ", LogLevel.Warning => "WARN ", LogLevel.Error => "ERROR", LogLevel.Debug => "DEBUG", _ => "FATAL" };
        var cause = exception is null ? "" : $" cause={exception.GetType().Name}: {exception.Message}";
        lock (_lock)
        {
            var clear = _statusLine.Length > 0 ? "\r\e[K" : "";
            Console.Error.WriteLine($"{clear}{Micros.Format(Micros.Now())[..23]}Z {level} {formatter(state, exception)}{cause}");
            Console.Error.Write(_statusLine);
        }
    }

    /// <summary>Redraws the live line; call only when <see cref="IsTerminal"/>.</summary>
    public void Status(string line)
    {
        lock (_lock)
        {
            _statusLine = line;
            Console.Error.Write($"\r\e[K{line}");
        }
    }
}
