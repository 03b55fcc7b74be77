namespace Orleans.DOS.Processes;

/// <summary><c>cat [PATH...]</c></summary>
[Program("cat", Summary = "writes files one after the other")]
public sealed class CatProgram : IProgram
{
    public async Task<int> RunAsync(IProgramContext context)
    {
        if (ProgramInputs.Options(context.Arguments, "") is not { } parsed)
        {
            return await context.UsageAsync("cat [PATH...]");
        }
        var allRead = await context.ForEachInputAsync("cat", parsed.Operands, (_, input) =>
            input.CopyToAsync(context.StandardOutput, ProgramInputs.BufferBytes, context.Terminating));
        return allRead ? 0 : 1;
    }
}
