using System.Text.Json;

namespace Kalshi.Daemon.Simulation;

/// <summary>
/// A client's command, read from its JSON as strictly as the exchange reads it. Grammar:
/// <code>
/// {"id":n,"cmd":"subscribe","params":{"channels":[…],"market_ticker":T | "market_tickers":[…],
///   "send_initial_snapshot":b,"skip_ticker_ack":b,"use_yes_price":b}}
/// {"id":n,"cmd":"unsubscribe","params":{"sids":[n,…]}}
/// {"id":n,"cmd":"update_subscription","params":{"sid":n | "sids":[n],"action":A,"market_ticker(s)":…}}
/// {"id":n,"cmd":"list_subscriptions"}
/// </code>
/// </summary>
internal sealed class ClientCommand
{
    public long Id { get; private set; }

    public string Name { get; private set; } = "";

    public bool HasParams { get; private set; }

    /// <summary>A field had the wrong type, or two that exclude one another were given: error 11.</summary>
    public bool IsInvalid { get; private set; }

    public List<string>? Channels { get; private set; }

    public List<string> Tickers { get; private set; } = [];

    public List<long>? Sids { get; private set; }

    public string? Action { get; private set; }

    public bool SendInitialSnapshot { get; private set; }

    public bool SkipTickerAck { get; private set; }

    public bool UseYesPrice { get; private set; }

    /// <summary>Null when the text is not a JSON object with a command (error 1).</summary>
    public static ClientCommand? Read(ReadOnlyMemory<byte> text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("cmd", out var name) || name.ValueKind != JsonValueKind.String)
            {
                return null;
            }

            var command = new ClientCommand { Name = name.GetString()! };
            if (root.TryGetProperty("id", out var id))
            {
                if (id.ValueKind != JsonValueKind.Number || !id.TryGetInt64(out var number) || number < 0)
                {
                    return null;
                }

                command.Id = number;
            }

            if (root.TryGetProperty("params", out var parameters) && parameters.ValueKind == JsonValueKind.Object)
            {
                command.HasParams = true;
                command.ReadParams(parameters);
            }

            return command;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string with a lone surrogate escape.
            return null;
        }
    }

    private void ReadParams(JsonElement parameters)
    {
        Channels = Strings(parameters, "channels");
        var single = Text(parameters, "market_ticker");
        var several = Strings(parameters, "market_tickers");
        IsInvalid |= single is not null && several is not null;
        Tickers = several ?? [];
        if (single is not null)
        {
            Tickers = [single];
        }

        // The ticker channel may also name markets by uuid; the simulator does not know that way, and says so.
        IsInvalid |= parameters.TryGetProperty("market_id", out _) || parameters.TryGetProperty("market_ids", out _);
        ReadSids(parameters);
        Action = Text(parameters, "action");
        SendInitialSnapshot = Flag(parameters, "send_initial_snapshot");
        SkipTickerAck = Flag(parameters, "skip_ticker_ack");
        UseYesPrice = Flag(parameters, "use_yes_price");
    }

    private void ReadSids(JsonElement parameters)
    {
        if (parameters.TryGetProperty("sids", out var sids))
        {
            Sids = [];
            IsInvalid |= sids.ValueKind != JsonValueKind.Array;
            foreach (var sid in sids.ValueKind == JsonValueKind.Array ? sids.EnumerateArray() : default)
            {
                AddSid(sid);
            }
        }

        if (parameters.TryGetProperty("sid", out var one))
        {
            IsInvalid |= Sids is not null;
            Sids ??= [];
            AddSid(one);
        }
    }

    private void AddSid(JsonElement sid)
    {
        if (sid.ValueKind == JsonValueKind.Number && sid.TryGetInt64(out var number))
        {
            Sids!.Add(number);
        }
        else
        {
            IsInvalid = true;
        }
    }

    private List<string>? Strings(JsonElement parameters, string name)
    {
        if (!parameters.TryGetProperty(name, out var array) || array.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        var strings = new List<string>();
        IsInvalid |= array.ValueKind != JsonValueKind.Array;
        foreach (var element in array.ValueKind == JsonValueKind.Array ? array.EnumerateArray() : default)
        {
            if (element.ValueKind == JsonValueKind.String)
            {
                strings.Add(element.GetString()!);
            }
            else
            {
                IsInvalid = true;
            }
        }

        return strings;
    }

    private string? Text(JsonElement parameters, string name)
    {
        if (!parameters.TryGetProperty(name, out var text) || text.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        IsInvalid |= text.ValueKind != JsonValueKind.String;
        return text.ValueKind == JsonValueKind.String ? text.GetString() : null;
    }

    private bool Flag(JsonElement parameters, string name)
    {
        if (!parameters.TryGetProperty(name, out var flag))
        {
            return false;
        }

        IsInvalid |= flag.ValueKind is not (JsonValueKind.True or JsonValueKind.False);
        return flag.ValueKind == JsonValueKind.True;
    }
}
