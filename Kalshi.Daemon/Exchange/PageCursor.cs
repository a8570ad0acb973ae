using System.Text.Json;

namespace Kalshi.Daemon.Exchange;

/// <summary>The `cursor` of a REST page.</summary>
internal static class PageCursor
{
    /// <summary>The top-level cursor, "" when there is none, it is empty, or the body is not JSON.</summary>
    public static string Read(ReadOnlySpan<byte> body)
    {
        try
        {
            var json = new Utf8JsonReader(body);
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
            {
                return "";
            }

            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                var found = json.ValueTextEquals("cursor"u8);
                json.Read();
                if (found)
                {
                    return json.TokenType == JsonTokenType.String ? json.GetString()! : "";
                }

                json.Skip();
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // An unreadable page has no next one; whoever needs its content says so.
        }

        return "";
    }
}
