using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orleans.DOS.Cli;

/// <summary>Results: columns for people, or one JSON object a line.</summary>
internal static class Printer
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter() } };

    public static void Json(object value) => Console.Out.WriteLine(JsonSerializer.Serialize(value, Options));

    public static void Rows<T>(Session session, IEnumerable<T> items, Func<T, object> json, string[] heads, Func<T, string[]> cells)
    {
        if (session.Json)
        {
            foreach (var item in items)
            {
                Json(json(item));
            }
            return;
        }
        List<string[]> rows = [heads, .. items.Select(cells)];
        var widths = heads.Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows)
        {
            Console.Out.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        }
    }
}
