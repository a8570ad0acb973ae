using Cysharp.Text;
using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon;

/// <summary>
/// Every log sentence of kalshid. ERROR = data lost or a human needed; WARN = recovered by itself; INFO = lifecycle; nothing
/// per message. Event ids: gather 1xx, exchange 2xx, journal 3xx, export 4xx, simulate 5xx, store 6xx, dedup 7xx.
/// </summary>
internal static partial class Log
{
    // gather 1xx
    [LoggerMessage(EventId = 100, Level = LogLevel.Information, Message = "kalshid started. version={Version} mode={Mode} config={Config}")]
    public static partial void Started(this ILogger log, string version, string mode, string config);

    [LoggerMessage(EventId = 101, Level = LogLevel.Information, Message = "Effective options. {Options}")]
    public static partial void EffectiveOptions(this ILogger log, string options);

    [LoggerMessage(EventId = 102, Level = LogLevel.Information, Message = "Journal ready. last_record={LastRecord} next_session={NextSession}")]
    public static partial void JournalResumed(this ILogger log, string lastRecord, int nextSession);

    [LoggerMessage(EventId = 103, Level = LogLevel.Information, Message = "Stopping. reason={Reason}")]
    public static partial void Stopping(this ILogger log, string reason);

    [LoggerMessage(EventId = 104, Level = LogLevel.Warning, Message = "Leaving at once after a second signal. signal={Signal}")]
    public static partial void LeavingAtOnce(this ILogger log, string signal);

    [LoggerMessage(EventId = 105, Level = LogLevel.Information,
        Message = "Stopped. reason={Reason} frames={Frames} deltas={Deltas} snapshots={Snapshots} trades={Trades} gaps={Gaps} journal_bytes={JournalBytes}")]
    public static partial void Stopped(this ILogger log, string reason, long frames, long deltas, long snapshots, long trades, long gaps, long journalBytes);

    [LoggerMessage(EventId = 106, Level = LogLevel.Information,
        Message = "Capturing. subscribed={Subscribed} markets={Markets} sockets={Sockets} msg_per_s={Rate:F0} frames={Frames} gaps={Gaps} exchange_age_ms={AgeMs:F1} write_delay_ms={DelayMs:F1}")]
    public static partial void Progress(this ILogger log, int subscribed, int markets, int sockets, double rate, long frames, long gaps, double ageMs, double delayMs);

    [LoggerMessage(EventId = 107, Level = LogLevel.Critical, Message = "The capture thread met a bug and the process ends; the journal holds everything up to here.")]
    public static partial void CaptureFailed(this ILogger log, Exception exception);

    [LoggerMessage(EventId = 110, Level = LogLevel.Warning, Message = "The control loop fell behind and events were dropped (the frames are journalled); a registry sweep follows. dropped={Dropped}")]
    public static partial void EventsDropped(this ILogger log, long dropped);

    [LoggerMessage(EventId = 111, Level = LogLevel.Warning, Message = "Cannot write the status file. path={Path}")]
    public static partial void StatusRefused(this ILogger log, string path, Exception exception);

    [LoggerMessage(EventId = 112, Level = LogLevel.Critical, Message = "A loop met a bug and the process ends; the journal holds everything up to here.")]
    public static partial void LoopFailed(this ILogger log, Exception exception);

    // exchange 2xx
    [LoggerMessage(EventId = 200, Level = LogLevel.Information, Message = "Session opened. session={Session} purpose={Purpose}")]
    public static partial void SessionOpened(this ILogger log, int session, string purpose);

    [LoggerMessage(EventId = 201, Level = LogLevel.Information, Message = "Session closed. session={Session} purpose={Purpose} reason={Reason} frames={Frames}")]
    public static partial void SessionClosed(this ILogger log, int session, string purpose, string reason, long frames);

    [LoggerMessage(EventId = 202, Level = LogLevel.Warning, Message = "A dial got no answer; trying again. purpose={Purpose} why={Why}")]
    public static partial void DialFailed(this ILogger log, string purpose, string why);

    [LoggerMessage(EventId = 203, Level = LogLevel.Warning, Message = "The exchange refused a dial; trying again. purpose={Purpose} status={Status} answer={Answer}")]
    public static partial void DialRefused(this ILogger log, string purpose, int status, string answer);

    [LoggerMessage(EventId = 204, Level = LogLevel.Error, Message = "The exchange does not accept our signature (401): check exchange.key_id, exchange.key_file and the clock with kalshid check. purpose={Purpose} answer={Answer}")]
    public static partial void DialUnauthorized(this ILogger log, string purpose, string answer);

    [LoggerMessage(EventId = 205, Level = LogLevel.Error, Message = "This machine's clock differs from the exchange's; beyond 10 s signatures are refused: fix time synchronisation. seconds={Seconds:F1}")]
    public static partial void ClockSkewed(this ILogger log, double seconds);

    [LoggerMessage(EventId = 206, Level = LogLevel.Warning, Message = "Gap in seq; recovering. session={Session} sid={Sid} gap={Gap}")]
    public static partial void GapSeen(this ILogger log, int session, int sid, string gap);

    [LoggerMessage(EventId = 207, Level = LogLevel.Warning, Message = "The exchange ended a subscription; subscribing anew. session={Session} sid={Sid} why={Why}")]
    public static partial void SidEnded(this ILogger log, int session, int sid, string why);

    [LoggerMessage(EventId = 208, Level = LogLevel.Warning, Message = "A command was not accepted. session={Session} command={Command} markets={Markets} answer={Answer}")]
    public static partial void CommandFailed(this ILogger log, int session, string command, int markets, string answer);

    [LoggerMessage(EventId = 209, Level = LogLevel.Warning, Message = "Snapshots did not come; the next step of the recovery ladder follows. session={Session} sid={Sid} step={Step}")]
    public static partial void RecoveryEscalates(this ILogger log, int session, int sid, string step);

    [LoggerMessage(EventId = 210, Level = LogLevel.Warning, Message = "REST call failed; trying again. path={Path} answer={Answer}")]
    public static partial void RestRetried(this ILogger log, string path, string answer);

    [LoggerMessage(EventId = 211, Level = LogLevel.Warning, Message = "REST call failed for now. path={Path} answer={Answer}")]
    public static partial void RestFailed(this ILogger log, string path, string answer);

    [LoggerMessage(EventId = 212, Level = LogLevel.Warning, Message = "A REST page could not be read; it will be asked for again. path={Path} bytes={Bytes}")]
    public static partial void RestUnreadable(this ILogger log, string path, int bytes);

    [LoggerMessage(EventId = 213, Level = LogLevel.Warning, Message = "The exchange repeated a page cursor; the walk starts again later. path={Path}")]
    public static partial void CursorRepeated(this ILogger log, string path);

    [LoggerMessage(EventId = 214, Level = LogLevel.Information, Message = "Markets listed. known={Known} new={New} gone={Gone} ms={Milliseconds}")]
    public static partial void MarketsListed(this ILogger log, int known, int @new, int gone, long milliseconds);

    [LoggerMessage(EventId = 215, Level = LogLevel.Warning, Message = "The connection budget is spent: the busiest markets have streams, the rest is swept by REST. Raise gather.connections_max or gather.markets_per_connection. sockets={Sockets} streamed={Streamed}")]
    public static partial void ConnectionsSpent(this ILogger log, int sockets, int streamed);

    [LoggerMessage(EventId = 216, Level = LogLevel.Information, Message = "Trades backfilled. from={From} to={To} pages={Pages}")]
    public static partial void TradesBackfilled(this ILogger log, string from, string to, int pages);

    [LoggerMessage(EventId = 218, Level = LogLevel.Warning, Message = "Cannot write down that a backfill is pending; it is kept in memory and tried again. path={Path}")]
    public static partial void PendingRefused(this ILogger log, string path, Exception exception);

    [LoggerMessage(EventId = 219, Level = LogLevel.Warning, Message = "A listing has more pages than are read at once; it counts as broken off. pages={Pages} path={Path}")]
    public static partial void PagesSpent(this ILogger log, int pages, string path);

    [LoggerMessage(EventId = 217, Level = LogLevel.Information, Message = "Account limits read. tokens_per_s={PerSecond} capacity={Capacity}")]
    public static partial void LimitsRead(this ILogger log, double perSecond, double capacity);

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

    [LoggerMessage(EventId = 307, Level = LogLevel.Information, Message = "Segment compressed. segment={Segment} raw_bytes={RawBytes} bytes={Bytes}")]
    public static partial void SegmentCompressed(this ILogger log, string segment, long rawBytes, long bytes);

    [LoggerMessage(EventId = 308, Level = LogLevel.Warning, Message = "Segment not compressed; tried again later. segment={Segment}")]
    public static partial void SegmentNotCompressed(this ILogger log, string segment, Exception exception);

    [LoggerMessage(EventId = 309, Level = LogLevel.Warning, Message = "Damaged segment stays uncompressed. segment={Segment} from_offset={FromOffset} to_offset={ToOffset} damage={Damage}")]
    public static partial void SegmentLeftUncompressed(this ILogger log, string segment, long fromOffset, long toOffset, string damage);

    [LoggerMessage(EventId = 310, Level = LogLevel.Information, Message = "Segment removed. segment={Segment} reason={Reason}")]
    public static partial void SegmentRemoved(this ILogger log, string segment, string reason);

    [LoggerMessage(EventId = 311, Level = LogLevel.Error, Message = "Journal is over its disk budget; segments no consumer has read are kept all the same. directory={Directory} bytes={Bytes} disk_budget={DiskBudget}")]
    public static partial void JournalOverBudget(this ILogger log, string directory, long bytes, long diskBudget);

    [LoggerMessage(EventId = 312, Level = LogLevel.Warning, Message = "Journal upkeep failed; tried again later.")]
    public static partial void JournalUpkeepFailed(this ILogger log, Exception exception);

    // export 4xx
    [LoggerMessage(EventId = 400, Level = LogLevel.Information, Message = "Export goes on where the last one stopped. after={After}")]
    public static partial void ExportResumed(this ILogger log, string after);

    [LoggerMessage(EventId = 401, Level = LogLevel.Warning, Message = "The saved export state cannot be used; everything is read from the beginning. reason={Reason}")]
    public static partial void ExportStateRefused(this ILogger log, string reason);

    [LoggerMessage(EventId = 402, Level = LogLevel.Information, Message = "Hour exported. hour={Hour} rows={Rows} closed={Closed}")]
    public static partial void HourExported(this ILogger log, string hour, long rows, bool closed);

    [LoggerMessage(EventId = 403, Level = LogLevel.Error, Message = "Damage in the journal: the epochs it interrupts end there. segment={Segment} from_offset={FromOffset} to_offset={ToOffset} damage={Damage}")]
    public static partial void ExportMetDamage(this ILogger log, string segment, long fromOffset, long toOffset, string damage);

    [LoggerMessage(EventId = 404, Level = LogLevel.Error, Message = "The store contradicts itself; kalshid verify --store says more. fault={Fault}")]
    public static partial void ExportMetFault(this ILogger log, string fault);

    // simulate 5xx
    [LoggerMessage(EventId = 500, Level = LogLevel.Information, Message = "Markets made. markets={Markets} events={Events} heap_mib={HeapMib}")]
    public static partial void Populated(this ILogger log, int markets, int events, long heapMib);

    [LoggerMessage(EventId = 501, Level = LogLevel.Information, Message = "Exchange listens. address={Address} key_id={KeyId}")]
    public static partial void Listening(this ILogger log, string address, string keyId);

    [LoggerMessage(EventId = 502, Level = LogLevel.Information, Message = "Stream started.")]
    public static partial void StreamStarted(this ILogger log);

    [LoggerMessage(EventId = 503, Level = LogLevel.Information, Message = "Stream is over, queues drain. linger_s={LingerSeconds}")]
    public static partial void StreamOver(this ILogger log, double lingerSeconds);

    [LoggerMessage(EventId = 504, Level = LogLevel.Information, Message = "Simulation ended. by={By} deltas={Deltas} trades={Trades} tickers={Tickers} lifecycle={Lifecycle} snapshots={Snapshots} frames_sent={FramesSent} bytes_sent={BytesSent} overflows={Overflows} faults={Faults}")]
    public static partial void StreamEnded(this ILogger log, string by, long deltas, long trades, long tickers, long lifecycle, long snapshots, long framesSent, long bytesSent, long overflows, string faults);

    [LoggerMessage(EventId = 505, Level = LogLevel.Warning, Message = "Fault injected. rule={Rule} connection={Connection}")]
    public static partial void FaultInjected(this ILogger log, string rule, int connection);

    // store 6xx
    [LoggerMessage(EventId = 600, Level = LogLevel.Information, Message = "Store connected. store={Store} timescale={Timescale} cursor={Cursor}")]
    public static partial void StoreConnected(this ILogger log, string store, bool timescale, string cursor);

    [LoggerMessage(EventId = 601, Level = LogLevel.Warning, Message = "The store failed; the journal keeps everything and loading goes on when it answers. why={Why}")]
    public static partial void StoreFailed(this ILogger log, string why);

    [LoggerMessage(EventId = 602, Level = LogLevel.Error, Message = "The store is refused; the journal keeps everything. why={Why}")]
    public static partial void StoreRefused(this ILogger log, string why);

    [LoggerMessage(EventId = 603, Level = LogLevel.Information, Message = "Loader restored. state={State} cursor={Cursor} records_read_again={Records} markets={Markets}")]
    public static partial void LoaderRestored(this ILogger log, string state, string cursor, long records, int markets);

    [LoggerMessage(EventId = 604, Level = LogLevel.Warning, Message = "The journal does not hold the record the store was loaded up to; loading goes on after it. cursor={Cursor} nearest={Nearest}")]
    public static partial void StoreCursorNotInJournal(this ILogger log, string cursor, string nearest);

    [LoggerMessage(EventId = 605, Level = LogLevel.Warning, Message = "The journal is damaged; what can be read is loaded. segment={Segment} from={FromOffset} to={ToOffset} cause={Cause}")]
    public static partial void LoaderMetDamage(this ILogger log, string segment, long fromOffset, long toOffset, string cause);

    [LoggerMessage(EventId = 606, Level = LogLevel.Error, Message = "The store is behind the journal. lag_s={LagSeconds} state={State}")]
    public static partial void StoreBehind(this ILogger log, long lagSeconds, string state);

    [LoggerMessage(EventId = 607, Level = LogLevel.Information, Message = "The store has caught up with the journal.")]
    public static partial void StoreCaughtUp(this ILogger log);

    [LoggerMessage(EventId = 608, Level = LogLevel.Information, Message = "Store partitions. made={Made} dropped={Dropped}")]
    public static partial void StorePartitions(this ILogger log, int made, int dropped);

    [LoggerMessage(EventId = 609, Level = LogLevel.Warning, Message = "The store's upkeep failed and is tried again. why={Why}")]
    public static partial void StoreUpkeepFailed(this ILogger log, string why);

    [LoggerMessage(EventId = 610, Level = LogLevel.Warning, Message = "Stopping with rows not yet in the store; the journal has them and the next start loads them. cursor={Cursor}")]
    public static partial void StoreLeftBehind(this ILogger log, string cursor);

    [LoggerMessage(EventId = 611, Level = LogLevel.Error, Message = "The loader met a bug; the journal keeps everything and the loader begins again. Please report it.")]
    public static partial void LoaderFailed(this ILogger log, Exception exception);

    [LoggerMessage(EventId = 612, Level = LogLevel.Warning, Message = "The store was too slow for a batch; the next try has more time. limit_s={LimitSeconds}")]
    public static partial void StoreGivenMoreTime(this ILogger log, double limitSeconds);

    [LoggerMessage(EventId = 620, Level = LogLevel.Error, Message = "The store is over its disk budget because a consumer has not read its oldest rows; unless it does, they are dropped in a minute. bytes={Bytes} disk_budget={DiskBudget} consumer={Consumer} at={At}")]
    public static partial void StoreOverBudget(this ILogger log, long bytes, long diskBudget, string consumer, string at);

    [LoggerMessage(EventId = 621, Level = LogLevel.Error, Message = "The store is over its disk budget, so rows were dropped that a consumer has not read: it will never have them. consumer={Consumer} from={From} to={To} partitions={Partitions} bytes={Bytes}")]
    public static partial void StoreDroppedUnread(this ILogger log, string consumer, string from, string to, int partitions, long bytes);

    [LoggerMessage(EventId = 622, Level = LogLevel.Error, Message = "The store is over its disk budget, and nothing may go: its rows are younger than store.retention, or the export has not read them. bytes={Bytes} disk_budget={DiskBudget}")]
    public static partial void StoreOverBudgetYoung(this ILogger log, long bytes, long diskBudget);

    [LoggerMessage(EventId = 623, Level = LogLevel.Error, Message = "A consumer's cursor has not moved for longer than store.retention, and rows are kept for it: start it, or delete its row of kalshid.cursors. consumer={Consumer} at={At} moved={Moved}")]
    public static partial void StoreCursorStuck(this ILogger log, string consumer, string at, string moved);

    // dedup: gatherers 70x
    [LoggerMessage(EventId = 700, Level = LogLevel.Warning, Message = "A gatherer's store cannot be read and is tried again. gatherer={Gatherer} why={Why}")]
    public static partial void GathererFailed(this ILogger log, string gatherer, string why);

    [LoggerMessage(EventId = 701, Level = LogLevel.Information, Message = "A gatherer's store answers again. gatherer={Gatherer}")]
    public static partial void GathererAnswers(this ILogger log, string gatherer);

    [LoggerMessage(EventId = 702, Level = LogLevel.Warning, Message = "Who is waited for has changed. gatherer={Gatherer} is={State} told_to={Position} watermark={Watermark}")]
    public static partial void GathererPresence(this ILogger log, string gatherer, string state, string position, string watermark);

    [LoggerMessage(EventId = 703, Level = LogLevel.Error, Message = "A gatherer's store was replaced by one that begins anew, and is read from its begin. gatherer={Gatherer} first_record_was={Was} first_record_is={Is}")]
    public static partial void GathererReplaced(this ILogger log, string gatherer, string was, string @is);

    [LoggerMessage(EventId = 704, Level = LogLevel.Warning, Message = "A gatherer's store is behind what was read of it: it is waited for while it is loaded again. gatherer={Gatherer} loaded={Loaded} read={Read}")]
    public static partial void GathererBehind(this ILogger log, string gatherer, string loaded, string read);

    [LoggerMessage(EventId = 705, Level = LogLevel.Error, Message = "Retention dropped a gatherer's rows before they were read. gatherer={Gatherer} from={From} to={To}")]
    public static partial void SourceRowsDropped(this ILogger log, string gatherer, string from, string to);

    [LoggerMessage(EventId = 706, Level = LogLevel.Error, Message = "A gatherer's store is damaged; the others make up for it as far as they can. gatherer={Gatherer} at={At} what={What} missing={Missing} doubled={Doubled} unknown_markets={UnknownMarkets}")]
    public static partial void SourceRowsWrong(this ILogger log, string gatherer, string at, string what, long missing, long doubled, long unknownMarkets);

    [LoggerMessage(EventId = 707, Level = LogLevel.Error, Message = "The reader of a gatherer's store met a bug and begins again. Please report it. gatherer={Gatherer}")]
    public static partial void SourceFailed(this ILogger log, string gatherer, Exception exception);

    [LoggerMessage(EventId = 708, Level = LogLevel.Error, Message = "A gatherer's store does not take the cursor, so its retention does not wait for dedup: grant kalshid_dedup to this user. gatherer={Gatherer} cursor={Cursor} why={Why}")]
    public static partial void GathererCursorRefused(this ILogger log, string gatherer, string cursor, string why);

    // dedup: production 72x
    [LoggerMessage(EventId = 720, Level = LogLevel.Information, Message = "Production opened. store={Store} timescale={Timescale} turn={Turn} watermark={Watermark} markets={Markets} gatherers={Gatherers}")]
    public static partial void ProductionOpened(this ILogger log, string store, bool timescale, long turn, string watermark, int markets, string gatherers);

    [LoggerMessage(EventId = 721, Level = LogLevel.Warning, Message = "Production failed; turns are kept and written when it answers. why={Why}")]
    public static partial void ProductionFailed(this ILogger log, string why);

    [LoggerMessage(EventId = 722, Level = LogLevel.Information, Message = "Production goes on. turn={Turn} written_again={Turns}")]
    public static partial void ProductionResumed(this ILogger log, long turn, int turns);

    [LoggerMessage(EventId = 724, Level = LogLevel.Warning, Message = "Production is busy. why={Why}")]
    public static partial void ProductionBusy(this ILogger log, string why);

    [LoggerMessage(EventId = 723, Level = LogLevel.Warning, Message = "Production is not where this dedup left it; everything is restored from it. why={Why}")]
    public static partial void ProductionMoved(this ILogger log, string why);

    // dedup: the merge 73x
    [LoggerMessage(EventId = 730, Level = LogLevel.Information,
        Message = "Merging. present={Present} gatherers={Gatherers} rows_in_per_s={RateIn:F0} rows_out_per_s={RateOut:F0} behind_ms={LagMs:F0} gaps={Gaps} repaired={Repaired} disagreements={Disagreements}")]
    public static partial void Merging(
        this ILogger log, int present, int gatherers, double rateIn, double rateOut, double lagMs, long gaps, long repaired, long disagreements);

    [LoggerMessage(EventId = 731, Level = LogLevel.Information,
        Message = "Stopped. reason={Reason} rows_in={RowsIn} rows_out={RowsOut} gaps={Gaps} repaired={Repaired} disagreements={Disagreements}")]
    public static partial void MergingStopped(this ILogger log, string reason, long rowsIn, long rowsOut, long gaps, long repaired, long disagreements);
}

/// <summary>
/// One line an entry on standard error: `2026-11-23T14:00:00.123Z INFO  Sentence. key=value`. Thread-safe. `StatusLine` is
/// the single line that is redrawn on a terminal below the log.
/// </summary>
internal sealed class ConsoleLog(LogLevel minimum = LogLevel.Information) : ILogger
{
    private const string ClearLine = "\r\e[K";

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

        // Written as one piece: another process may share the terminal or the log file.
        var line = ZString.CreateStringBuilder();
        try
        {
            lock (_lock)
            {
                line.Append(_statusLine.Length > 0 ? ClearLine : "");
                line.Append(Micros.Format(Micros.Now()).AsSpan(0, 23));
                line.Append(logLevel switch { LogLevel.Information => "Z INFO  ", LogLevel.Warning => "Z WARN  ", LogLevel.Error => "Z ERROR ", LogLevel.Debug => "Z DEBUG ", _ => "Z FATAL " });
                line.Append(formatter(state, exception));
                if (exception is not null)
                {
                    line.Append(" cause=");
                    line.Append(exception.GetType().Name);
                    line.Append(": ");
                    line.Append(exception.Message);
                }

                line.AppendLine();
                line.Append(_statusLine);
                Console.Error.Write(line.AsSpan());
            }
        }
        finally
        {
            line.Dispose();
        }
    }

    /// <summary>Redraws the live line; call only when <see cref="IsTerminal"/>.</summary>
    public void Status(string line)
    {
        lock (_lock)
        {
            // A line that wraps could not be redrawn in place.
            _statusLine = line.Length < Console.WindowWidth ? line : line[..Math.Max(0, Console.WindowWidth - 1)];
            Console.Error.Write($"{ClearLine}{_statusLine}");
        }
    }
}
