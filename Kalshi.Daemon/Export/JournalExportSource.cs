using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Export;

/// <summary>A journal as the source of an export. Its last hour is over when the gatherer stopped, or is silent longer than it ever is.</summary>
internal sealed class JournalExportSource : IExportSource
{
    /// <summary>A gatherer that is alive appends something within this time (pages, pings of the sweep, trades).</summary>
    public const long GraceMicros = 2 * Micros.PerMinute;

    private readonly ExportSettings _settings;
    private readonly ILogger _log;
    private readonly Replay _replay;
    private readonly JournalReader _reader;
    private readonly List<Damage> _damages = [];
    private RecordKind _lastKind;

    public JournalExportSource(ExportSettings settings, ILogger log, IReplaySink sink, Stream? state)
    {
        _settings = settings;
        _log = log;
        _replay = state is null ? new Replay(sink) : Replay.Load(state, sink);
        _reader = new JournalReader(settings.JournalDirectory, _replay.Position);
    }

    public long Position => _replay.Position;

    public long Count { get; private set; }

    public IReadOnlyList<Damage> Damages => _damages;

    public void Run(Func<long, long> nextHour)
    {
        var end = long.MinValue;
        while (_reader.TryRead(out var record))
        {
            if (record.ReceivedAt >= end)
            {
                end = nextHour(record.ReceivedAt);
            }

            FeedDamages();
            _replay.Feed(record);
            _lastKind = record.Kind;
            Count++;
        }

        FeedDamages();
    }

    public void Finish() => _replay.Finish();

    public bool IsOver(Hour hour) => _lastKind == RecordKind.ProcessStopped || _settings.Now() >= hour.EndAt + GraceMicros;

    public void Save(Stream state) => _replay.Save(state);

    public void MoveCursor(Hour hour) => Cursors.Write(Cursors.DirectoryOf(_settings.JournalDirectory), "export", Position);

    /// <summary>Cold: only for a backfill that reaches further back than the window of ids.</summary>
    public HashSet<UInt128> TradeIdsSince(long exchangeAt) => JournalTrades.IdsSince(_settings.JournalDirectory, exchangeAt, _replay.Position);

    public void Dispose() => _reader.Dispose();

    private void FeedDamages()
    {
        while (_damages.Count < _reader.Damages.Count)
        {
            var damage = _reader.Damages[_damages.Count];
            _damages.Add(damage);
            _log.ExportMetDamage(damage.Segment, damage.FromOffset, damage.ToOffset, damage.Cause);
            _replay.Feed(damage);
        }
    }
}
