using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Export;

/// <summary>What an export is told once.</summary>
/// <param name="Target">As the state remembers it: another target begins from the journal's beginning.</param>
/// <param name="UntilNow">Export the last hour even when it is not over.</param>
/// <param name="Now">The wall clock, µs: decides whether the journal's last hour is over.</param>
internal sealed record ExportSettings(string DataDirectory, string Gatherer, string Target, bool UntilNow, Func<long> Now)
{
    public string JournalDirectory => Path.Combine(DataDirectory, "journal");
}

/// <summary>What a run did. `Records` and `Bytes` count what was read from the journal.</summary>
internal sealed record ExportReport(IReadOnlyList<Certificate> Published, int Unchanged, Hour? Left, long Records, IReadOnlyList<Damage> Damages);

/// <summary>
/// One export run: the journal from the saved position on, hour by hour, into the target.
/// <b>In</b>: journal records. <b>Out</b>: published hours. <b>Thread</b>: one. <b>Bound</b>: one hour's tables (see <see cref="Tables.Table"/>).
/// </summary>
/// <remarks>
/// Stamps only grow, so an hour's records lie together and an hour is final as soon as a record of a later hour follows; only then
/// the saved position moves past it. The journal's last hour is what is decided:
/// <code>
///   last hour                                          published    closed    position
///   a record of a later hour follows                   yes          yes       after it
///   the gatherer stopped cleanly in it                 yes          yes       before it
///   the wall clock is past its end and the grace       yes          yes       before it
///   neither, --until now                               yes          no        before it
///   neither                                            no
/// </code>
/// Since the position stays before the last hour it is read again by the next run, and published again if anything was added.
/// </remarks>
internal sealed class Exporter
{
    /// <summary>A gatherer that is alive appends something within this time (pages, pings of the sweep, trades).</summary>
    public const long GraceMicros = 2 * Micros.PerMinute;

    /// <summary>How far the exchange's clock may be ahead of ours when ids of old trades are looked for.</summary>
    private const long ClockMarginMicros = Micros.PerMinute;

    private readonly ExportSettings _settings;
    private readonly IExportTarget _target;
    private readonly ILogger _log;
    private readonly ExportState _state;
    private readonly List<Certificate> _published = [];
    private TradeWindow _window = null!;
    private ObjectVersions _versions = null!;
    private HourSink _sink = null!;
    private Replay _replay = null!;
    private HourWriter _writer = null!;
    private Hour? _hour;
    private int _unchanged;
    private int _damages;

    public Exporter(ExportSettings settings, IExportTarget target, ILogger log)
    {
        _settings = settings;
        _target = target;
        _log = log;
        _state = new ExportState(settings.DataDirectory);
    }

    /// <summary>Throws <see cref="SetupException"/> when another export runs; <see cref="IOException"/> when the target fails.</summary>
    public ExportReport Run()
    {
        using var lockFile = _state.TryLock()
            ?? throw new SetupException(ExitCode.Unavailable, $"Another kalshid export works on {_settings.DataDirectory}; wait until it is done.");
        using var writer = _writer = new HourWriter(_target, _settings.Gatherer);
        Restore();
        using var reader = new JournalReader(_settings.JournalDirectory, _replay.Position);
        long records = 0;
        var lastKind = default(RecordKind);
        while (reader.TryRead(out var record))
        {
            if (_hour is not { } hour || record.ReceivedAt >= hour.EndAt)
            {
                NextHour(Hour.Of(record.ReceivedAt));
            }

            if (_damages < reader.Damages.Count)
            {
                Feed(reader.Damages);
            }

            _replay.Feed(record);
            lastKind = record.Kind;
            records++;
        }

        Feed(reader.Damages);
        var left = LastHour(lastKind);
        return new ExportReport(_published, _unchanged, left, records, reader.Damages);
    }

    private void Restore()
    {
        Begin();
        if (_state.TryLoad(_settings.Target, _sink, _window, _versions, out var refusal) is { } loaded)
        {
            if (_target.TryOpen(loaded.Hour.ManifestName) is { } manifest)
            {
                manifest.Dispose();
                _replay = loaded.Replay;
                _log.ExportResumed(Micros.Format(_replay.Position));
                return;
            }

            refusal = $"the target has no hour {loaded.Hour} any more";
        }

        if (refusal is not null)
        {
            _log.ExportStateRefused(refusal);
        }

        Begin();
    }

    private void Begin()
    {
        _window = new TradeWindow(RecallTradeIds);
        _versions = new ObjectVersions();
        _sink = new HourSink(_window, _versions) { PartFull = _writer.WritePart };
        _replay = new Replay(_sink);
    }

    private void NextHour(Hour next)
    {
        if (_hour is { } hour)
        {
            EndHour(hour, hour.EndAt, isClosed: true);
            _state.Save(_settings.Target, hour, _sink, _window, _versions, _replay);
        }

        _hour = next;
        _sink.BeginHour(next);
        _writer.BeginHour(next);
    }

    /// <summary>The table in the remarks; returns the hour that was left for a later run.</summary>
    private Hour? LastHour(RecordKind lastKind)
    {
        if (_hour is not { } hour)
        {
            return null;
        }

        var isClosed = lastKind == RecordKind.ProcessStopped || _settings.Now() >= hour.EndAt + GraceMicros;
        if (!isClosed && !_settings.UntilNow)
        {
            _target.Discard();
            return hour;
        }

        EndHour(hour, isClosed ? hour.EndAt : _replay.Position, isClosed);
        return null;
    }

    private void EndHour(Hour hour, long seenTo, bool isClosed)
    {
        var cursor = _replay.Position;
        var tally = _sink.EndHour(_replay, seenTo);
        var manifest = Manifest.TryRead(_target.TryOpen(hour.ManifestName));
        if (manifest is not null && manifest.Cursor >= cursor && (manifest.Closed || !isClosed))
        {
            _target.Discard();
            _unchanged++;
            return;
        }

        var certificate = _writer.Publish(_sink.Tables, tally, seenTo, isClosed, cursor, _damages);
        _published.Add(certificate);
        _log.HourExported(hour.ToString(), certificate.Rows.Values.Sum(), isClosed);
    }

    private void Feed(IReadOnlyList<Damage> damages)
    {
        for (; _damages < damages.Count; _damages++)
        {
            var damage = damages[_damages];
            _log.ExportMetDamage(damage.Segment, damage.FromOffset, damage.ToOffset, damage.Cause);
            _replay.Feed(damage);
        }
    }

    /// <summary>Cold: only for a backfill that reaches further back than the window of ids.</summary>
    private HashSet<UInt128> RecallTradeIds(long exchangeAt)
    {
        var ids = new HashSet<UInt128>();
        var decoder = new FrameDecoder();
        using var reader = new JournalReader(_settings.JournalDirectory, Math.Max(0, exchangeAt - ClockMarginMicros), _replay.Position);
        while (reader.TryRead(out var record))
        {
            if (record.Kind == RecordKind.Frame && FrameHeadReader.Read(record.Bytes).Type == FrameType.Trade
                && decoder.Decode(record.Bytes, useYesPrice: true) == DecodeVerdict.Decoded)
            {
                ids.Add(TradeWindow.IdOf(decoder.Message.TradeId));
            }
        }

        return ids;
    }
}
