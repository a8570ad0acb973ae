using System.Text.Json;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Registry;

/// <summary>What the registry needs of one market of a GET /markets page. Volume and interest in hundredths, close time in µs (0 = unknown).</summary>
internal readonly record struct MarketListing(string Ticker, string Status, long Volume24h, long OpenInterest, long CloseAt);

/// <summary>A GET /markets page: its markets and the cursor of the next one ("" on the last).</summary>
internal sealed class MarketPage
{
    public List<MarketListing> Markets { get; } = [];

    public int Unreadable { get; private set; }

    public string Cursor { get; private set; } = "";

    /// <summary>False when the body is no such page. A market without a readable ticker is left out and counted in <see cref="Unreadable"/>.</summary>
    public static bool TryParse(ReadOnlySpan<byte> body, out MarketPage page)
    {
        page = new MarketPage();
        try
        {
            var json = new Utf8JsonReader(body);
            return json.Read() && json.TokenType == JsonTokenType.StartObject && page.ReadPage(ref json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private bool ReadPage(ref Utf8JsonReader json)
    {
        var found = false;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("markets"u8))
            {
                found = true;
                json.Read();
                while (json.TokenType != JsonTokenType.Null && json.Read() && json.TokenType == JsonTokenType.StartObject)
                {
                    ReadMarket(ref json);
                }
            }
            else if (json.ValueTextEquals("cursor"u8))
            {
                json.Read();
                Cursor = json.TokenType == JsonTokenType.String ? json.GetString()! : "";
            }
            else
            {
                json.Skip();
            }
        }

        return found;
    }

    private void ReadMarket(ref Utf8JsonReader json)
    {
        string? ticker = null;
        var status = "";
        long volume = 0, interest = 0, closeAt = 0;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("ticker"u8))
            {
                ticker = Text(ref json);
            }
            else if (json.ValueTextEquals("status"u8))
            {
                status = Text(ref json) ?? "";
            }
            else if (json.ValueTextEquals("volume_24h_fp"u8))
            {
                volume = Quantity(ref json);
            }
            else if (json.ValueTextEquals("open_interest_fp"u8))
            {
                interest = Quantity(ref json);
            }
            else if (json.ValueTextEquals("close_time"u8))
            {
                json.Read();
                closeAt = json.TokenType == JsonTokenType.String && Primitives.Micros.TryParseRfc3339(json.ValueSpan, out var at) ? at : 0;
            }
            else
            {
                json.Skip();
            }
        }

        if (string.IsNullOrEmpty(ticker))
        {
            Unreadable++;
        }
        else
        {
            Markets.Add(new MarketListing(ticker, status, volume, interest, closeAt));
        }
    }

    private static string? Text(ref Utf8JsonReader json)
    {
        json.Read();
        return json.TokenType == JsonTokenType.String ? json.GetString() : null;
    }

    /// <summary>Ranking only, so what cannot be read counts as zero.</summary>
    private static long Quantity(ref Utf8JsonReader json)
    {
        json.Read();
        return json.TokenType == JsonTokenType.String && System.Buffers.Text.Utf8Parser.TryParse(json.ValueSpan, out decimal value, out _) ? (long)(value * 100) : 0;
    }
}
