using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orleans.DOS.Cli;

/// <summary>Results: columns for people, or one JSON object a line.</summary>
internal static class Printer
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter() } };

    public static void Json(object value) => Console.Out.WriteLine(JsonSerializer.Serialize(value, Options));

    /// <summary>What comes in pages. As JSON it is printed page by page, so that memory does not grow with it; columns must see all of it first.</summary>
    /// <param name="page">Gives the page behind a mark of the one before; null: the first.</param>
    public static async Task PagesAsync<T>(Session session, Func<string?, Task<Page<T>>> page, Action<IEnumerable<T>> print)
    {
        List<T> found = [];
        string? after = null;
        do
        {
            var next = await page(after);
            if (session.Json)
            {
                print(next.Items);
            }
            else
            {
                found.AddRange(next.Items);
            }
            after = next.Next;
        }
        while (after is not null);
        if (!session.Json)
        {
            print(found);
        }
    }

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
