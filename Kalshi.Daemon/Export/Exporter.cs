using Kalshi.Daemon.Books;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Export;

/// <summary>What an export is told once.</summary>
/// <param name="Target">As the state remembers it: another target begins from the source's beginning.</param>
/// <param name="UntilNow">Export the last hour even when it is not over.</param>
/// <param name="Now">The wall clock, µs: decides whether a journal's last hour is over.</param>
internal sealed record ExportSettings(string DataDirectory, string Gatherer, string Target, bool UntilNow, Func<long> Now)
{
    public string JournalDirectory => Path.Combine(DataDirectory, "journal");

    /// <summary>Of the saved state, in DATA_DIR/export: each source has its own.</summary>
    public string StateName { get; init; } = "state";
}

/// <summary>What a run did. `Records`: of the journal, or rows of the store.</summary>
internal sealed record ExportReport(IReadOnlyList<Certificate> Published, int Unchanged, Hour? Left, long Records, IReadOnlyList<Damage> Damages);

/// <summary>
/// One export run: the journal or the store from the saved position on, hour by hour, into the target.
/// <b>In</b>: an <see cref="IExportSource"/>. <b>Out</b>: published hours. <b>Thread</b>: one. <b>Bound</b>: one hour's tables (see <see cref="Tables.Table"/>).
/// </summary>
/// <remarks>
/// Positions only grow, so what belongs to an hour lies together and an hour is final as soon as something of a later hour follows;
/// only then the saved position moves past it. The last hour is what is decided:
/// <code>
///   last hour                                          published    closed    position
///   something of a later hour follows                  yes          yes       after it
///   the gatherer stopped cleanly in it                 yes          yes       before it
///   journal: the clock is past its end and the grace   yes          yes       before it
///   store: the loader's cursor is past its end         yes          yes       before it
///   none of these, --until now                         yes          no        before it
///   none of these                                      no
/// </code>
/// Since the position stays before the last hour it is read again by the next run, and published again if anything was added.
/// A store says nothing by being silent: its loader may be behind, so the clock closes none of its hours.
/// </remarks>
internal sealed class Exporter
{
    private readonly ExportSettings _settings;
    private readonly IExportTarget _target;
    private readonly ILogger _log;
    private readonly ExportState _state;
    private readonly OpenExportSource _open;
    private readonly List<Certificate> _published = [];
    private TradeWindow _window = null!;
    private ObjectVersions _versions = null!;
    private HourSink _sink = null!;
    private IExportSource _source = null!;
    private HourWriter _writer = null!;
    private Hour? _hour;
    private int _unchanged;

    public Exporter(ExportSettings settings, IExportTarget target, ILogger log, OpenExportSource? open = null)
    {
        _settings = settings;
        _target = target;
        _log = log;
        _open = open ?? ((sink, state) => new JournalExportSource(settings, log, sink, state));
        _state = new ExportState(settings.DataDirectory, settings.StateName);
    }

    /// <summary>Throws <see cref="SetupException"/> when another export runs; <see cref="IOException"/> when the target fails.</summary>
    public ExportReport Run()
    {
        using var lockFile = _state.TryLock()
            ?? throw new SetupException(ExitCode.Unavailable, $"Another kalshid export works on {_settings.DataDirectory}; wait until it is done.");
        using var writer = _writer = new HourWriter(_target, _settings.Gatherer);
        using var source = _source = Open();
        source.Run(NextHour);
        var left = LastHour();
        return new ExportReport(_published, _unchanged, left, source.Count, source.Damages);
    }

    private IExportSource Open()
    {
        Begin();
        if (_state.TryLoad(_settings.Target, _sink, _window, _versions, out var refusal) is { } loaded)
        {
            if (_target.TryOpen(loaded.Hour.ManifestName) is { } manifest)
            {
                manifest.Dispose();
                try
                {
                    var source = _open(_sink, loaded.Source);
                    _log.ExportResumed(Micros.Format(source.Position));
                    return source;
                }
                catch (Exception e) when (e is IOException or InvalidDataException)
                {
                    refusal = e.Message;
                }
            }
            else
            {
                refusal = $"the target has no hour {loaded.Hour} any more";
            }
        }

        if (refusal is not null)
        {
            _log.ExportStateRefused(refusal);
        }

        Begin();
        return _open(_sink, null);
    }

    private void Begin()
    {
        _window = new TradeWindow(exchangeAt => _source.TradeIdsSince(exchangeAt));
        _versions = new ObjectVersions();
        _sink = new HourSink(_window, _versions) { PartFull = _writer.WritePart };
    }

    /// <summary>The hour under way is final: `at` is of a later one.</summary>
    private long NextHour(long at)
    {
        var next = Hour.Of(at);
        if (_hour is { } hour)
        {
            EndHour(hour, hour.EndAt, isClosed: true);
            _state.Save(_settings.Target, hour, _sink, _window, _versions, _source);
            _source.MoveCursor(hour);
        }

        _hour = next;
        _sink.BeginHour(next);
        _writer.BeginHour(next);
        return next.EndAt;
    }

    /// <summary>The table in the remarks; returns the hour that was left for a later run.</summary>
    private Hour? LastHour()
    {
        if (_hour is not { } hour)
        {
            return null;
        }

        var isClosed = _source.IsOver(hour);
        if (!isClosed && !_settings.UntilNow)
        {
            _target.Discard();
            return hour;
        }

        EndHour(hour, isClosed ? hour.EndAt : _source.Position, isClosed);
        return null;
    }

    private void EndHour(Hour hour, long seenTo, bool isClosed)
    {
        var cursor = _source.Position;
        var tally = _sink.EndHour(_source, seenTo);
        var manifest = Manifest.TryRead(_target.TryOpen(hour.ManifestName));
        if (manifest is not null && manifest.Cursor >= cursor && (manifest.Closed || !isClosed))
        {
            _target.Discard();
            _unchanged++;
            return;
        }

        var certificate = _writer.Publish(_sink.Tables, tally, seenTo, isClosed, cursor, _source.Damages.Count);
        _published.Add(certificate);
        _log.HourExported(hour.ToString(), certificate.Rows.Values.Sum(), isClosed);
    }
}
