using System.Text;

namespace Orleans.DOS.Processes;

/// <summary><c>yes [WORD...]</c>: writes a line until it is ended.</summary>
[Program("yes", Summary = "writes a line again and again")]
public sealed class YesProgram : IProgram
{
    private const int BlockBytes = 16 * 1024;

    public async Task<int> RunAsync(IProgramContext context)
    {
        var line = Encoding.UTF8.GetBytes((context.Arguments.Count == 0 ? "y" : string.Join(' ', context.Arguments)) + "\n");
        var block = Enumerable.Repeat(line, Math.Max(1, BlockBytes / line.Length)).SelectMany(bytes => bytes).ToArray();
        while (true)
        {
            await context.StandardOutput.WriteAsync(block, context.Terminating);
        }
    }
}
