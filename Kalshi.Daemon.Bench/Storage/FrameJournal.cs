using System.Globalization;
using System.Text.Json;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kalshi.Daemon.Bench.Storage;

/// <summary>A journal of frames beside sums of their deltas, parsed with System.Text.Json.</summary>
internal sealed class FrameJournal
{
    private readonly JournalWriter _writer;
    private Int128 _prices, _changes, _stamps, _products;

    public FrameJournal(string folder)
    {
        _writer = JournalWriter.Open(new JournalSettings(Path.Combine(folder, "journal"), 256 << 20, 50, 4 << 20), NullLogger.Instance);
    }

    public long Frames { get; private set; }

    public long Bytes { get; private set; }

    public long Deltas { get; private set; }

    public void Append(long receivedAt, int session, ReadOnlySpan<byte> frame)
    {
        if (Frames == 0)
        {
            _writer.Append(receivedAt - 1, 1, RecordKind.Command, """{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":["X"],"use_yes_price":false}}"""u8);
        }

        _writer.Append(receivedAt, session, RecordKind.Frame, frame);
        if (_writer.PendingBytes > 1 << 18)
        {
            _writer.Flush();
        }

        Frames++;
        Bytes += frame.Length;
        if (frame[..Math.Min(60, frame.Length)].IndexOf("\"orderbook_delta\""u8) >= 0)
        {
            Add(frame);
        }
    }

    public void Close() => _writer.Dispose();

    public string Sums() => string.Create(CultureInfo.InvariantCulture, $"{Deltas} {_prices} {_changes} {_stamps} {_products}");

    private void Add(ReadOnlySpan<byte> frame)
    {
        var reader = new Utf8JsonReader(frame);
        using var document = JsonDocument.ParseValue(ref reader);
        var msg = document.RootElement.GetProperty("msg");
        var change = (long)(decimal.Parse(msg.GetProperty("delta_fp").GetString()!, CultureInfo.InvariantCulture) * 100);
        Deltas++;
        _prices += (long)(decimal.Parse(msg.GetProperty("price_dollars").GetString()!, CultureInfo.InvariantCulture) * 1_000_000);
        _changes += change;
        _stamps += Micros.FromDateTime(DateTimeOffset.Parse(msg.GetProperty("ts").GetString()!, CultureInfo.InvariantCulture).UtcDateTime);
        _products += (Int128)document.RootElement.GetProperty("seq").GetInt64() * change;
    }
}
