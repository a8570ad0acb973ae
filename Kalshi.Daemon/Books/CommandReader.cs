using System.Text;
using System.Text.Json;

namespace Kalshi.Daemon.Books;

/// <summary>What a replay needs of a command we sent: `{"id":1,"cmd":"subscribe","params":{…}}`. Cold path.</summary>
internal static class CommandReader
{
    /// <summary>False for text that is not a command with an id. `isBook`: it subscribes to orderbook_delta.</summary>
    public static bool TryRead(ReadOnlySpan<byte> text, long sentAt, TickerTable tickers, out long id, out bool isBook, out PendingCommand command)
    {
        id = 0;
        isBook = false;
        command = new PendingCommand(null, false, sentAt, null);
        try
        {
            var fields = new Fields();
            Walk(text, ref fields);
            id = fields.Id;
            isBook = fields.Name == "subscribe" && fields.HasBookChannel;
            var deleted = fields.Action == "delete_markets" ? ReadTickers(text, tickers) : null;
            command = new PendingCommand(fields.UseYesPrice, fields.Name == "subscribe" && !fields.HasTickers, sentAt, deleted);
            return id > 0;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return false;
        }
    }

    private static void Walk(ReadOnlySpan<byte> text, ref Fields fields)
    {
        var reader = new Utf8JsonReader(text);
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            var name = reader.GetString();
            reader.Read();
            switch (name)
            {
                case "id": fields.Id = reader.GetInt64(); break;
                case "cmd": fields.Name = reader.GetString(); break;
                case "action": fields.Action = reader.GetString(); break;
                case "use_yes_price": fields.UseYesPrice = reader.GetBoolean(); break;
                case "market_ticker" or "market_tickers" or "market_id" or "market_ids":
                    fields.HasTickers = true;
                    reader.Skip();
                    break;
                case "channels":
                    while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                    {
                        fields.HasBookChannel |= reader.ValueTextEquals("orderbook_delta"u8);
                    }

                    break;
            }
        }
    }

    private static int[] ReadTickers(ReadOnlySpan<byte> text, TickerTable tickers)
    {
        var ids = new List<int>();
        var reader = new Utf8JsonReader(text);
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName
                || !(reader.ValueTextEquals("market_tickers"u8) || reader.ValueTextEquals("market_ticker"u8)))
            {
                continue;
            }

            reader.Read();
            if (reader.TokenType == JsonTokenType.String)
            {
                ids.Add(tickers.GetOrAdd(Encoding.UTF8.GetBytes(reader.GetString()!)));
                continue;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.String)
            {
                ids.Add(tickers.GetOrAdd(Encoding.UTF8.GetBytes(reader.GetString()!)));
            }
        }

        return [.. ids];
    }

    private ref struct Fields
    {
        public long Id;
        public string? Name;
        public string? Action;
        public bool? UseYesPrice;
        public bool HasTickers;
        public bool HasBookChannel;
    }
}
