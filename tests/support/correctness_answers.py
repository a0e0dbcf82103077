"""Answers to the tests of the correctness suite, written by hand: what must pass and what must not."""

from __future__ import annotations

FIBONACCI_LOOP = """```python
def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a
```"""
FIBONACCI_RECURSIVE = """def fibonacci(n):
    if n < 2:
        return n
    return fibonacci(n - 1) + fibonacci(n - 2)
"""
VOWELS_SUM = """```python
def count_vowels(text):
    return sum(1 for character in text.lower() if character in "aeiou")
```"""
VOWELS_LOOP = """Here it is:

```python
def count_vowels(text):
    vowels = {'a', 'e', 'i', 'o', 'u'}
    total = 0
    for c in text.lower():
        if c in vowels:
            total += 1
    return total
```"""
RUST_LOOP = """```rust
fn main() {
    let mut sum = 0;
    for i in 1..=10 {
        sum += i;
    }
    println!("{}", sum);
}
```"""
RUST_ITERATOR = """fn main() {
    let sum: i32 = (1..11).sum();
    println!("The sum is {sum}");
}"""
RUST_FORMULA = """```rust
fn main() {
    let n: u32 = 10;
    println!("{}", n * (n + 1) / 2);
}
```"""
IS_EVEN = "```python\ndef is_even(n):\n    return n % 2 == 0\n```\n\nThis function takes an integer `n` as"
PARIS_FENCED = '```json\n{\n  "city": "Paris",\n  "country": "France"\n}\n```\n\nThis JSON is a JSON-formatted'
PARIS_HALF_FENCED = (
    '{\n  "city": "Paris",\n  "country": "France"\n}\n```\n\nIn this example, the object `{city: "Par'
)
WELL_PAID = "SELECT name\nFROM employees\nWHERE salary > 50000\nORDER BY salary DESC;"

GOOD = {
    "standard/product": ["56", "7 * 8 = 56.", "The answer is **56**"],
    "standard/change": ["4 * 3 = 12 and 5 * 2 = 10, so 22; 50 - 22 = 28 euros.", "28.00 euros", "**28**"],
    "standard/fibonacci": [FIBONACCI_LOOP, FIBONACCI_RECURSIVE],
    "standard/count-vowels": [VOWELS_SUM, VOWELS_LOOP],
    "standard/sum-to-ten": [RUST_LOOP, RUST_ITERATOR, RUST_FORMULA],
    "standard/square-evens": [
        "It returns a list of the squares of all the even numbers of the list.",
        "Every number that is divisible by 2 is multiplied by itself, and the results come back as a list.",
    ],
    "standard/person": [
        '{"name": "Ada Lovelace", "city": "London", "year": 1815}',
        '[{"name": "Ada Lovelace", "city": "London", "year": 1815}]',
        '```json\n{\n  "name": "Ada Lovelace",\n  "city": "London",\n  "year": 1815\n}\n```',
    ],
    "standard/well-paid": [
        WELL_PAID,
        "```sql\nselect e.name from employees e where e.salary > 50000 order by e.salary desc\n```",
        'SELECT "name" FROM "employees" WHERE "salary" > 50000 ORDER BY "salary" DESC',
    ],
    "tiny/sum": ["2 + 2 = 4", "The answer is 4.", "4"],
    "tiny/is-even": [IS_EVEN, "def is_even(n):\n    return n%2==0"],
    "tiny/older-users": [
        "SELECT * FROM users WHERE age > 30;",
        "```sql\nSELECT * FROM users WHERE (age > 30);\n```",
    ],
    "tiny/city": ['{"city": "Paris", "country": "France"}', PARIS_FENCED, PARIS_HALF_FENCED],
    "tiny/compiler": [
        "A compiler is a software tool that translates human code into machine code. It's a",
        "A program that turns source text into machine language.",
    ],
    "tiny/heading": ["<h1>Hello</h1>\n\nThis will create", '```html\n<h2 class="big">Hello</h2>\n```'],
    "tiny/abbreviation": ["SQL stands for Structured Query Language. It's a", "structured query language"],
}

WRONG = {
    "standard/product": ["54", "156", "7 * 8 = 56.5", "560", "5,6", "1,567"],
    "standard/change": ["50 - 12 - 10 = 38", "22 euros", "128", "28.50 euros", "0.28"],
    "standard/fibonacci": [
        FIBONACCI_LOOP.replace("fibonacci", "fib"),
        FIBONACCI_LOOP.replace("    return a\n", ""),
        FIBONACCI_LOOP.replace("for _ in range(n):", "for _ in range(n)"),
        "def fibonacci(n):\n    return n",
        "You can write fibonacci(n) with a loop: for i in range(n) add the last two, then return the sum.",
    ],
    "standard/count-vowels": [
        VOWELS_SUM.replace("count_vowels", "vowels"),
        VOWELS_SUM.replace("aeiou", "xyz"),
        VOWELS_SUM.replace('"aeiou")', '"aeiou"'),
        'def count_vowels(text):\n    vowels = "aeiou"\n    return len(text) % 2 == 0, text.isalpha()',
    ],
    "standard/sum-to-ten": [
        RUST_LOOP.replace("fn main()", "fn start()"),
        RUST_LOOP.replace("println!", "print"),
        RUST_LOOP.replace("1..=10", "1..10"),
        "```rust\nlet result = 10 + 1\nprintln(result)\n```",
        "55",
    ],
    "standard/square-evens": [
        "It returns the even numbers of the list.",
        "It returns the squares of the numbers.",
        "A list of booleans: each is the number multiplied by 2.",
    ],
    "standard/person": [
        '{"name": "Ada Lovelace", "city": "", "year": 1815}',
        '{"name": "Ada Lovelace", "city": "London", "year": "1815"}',
        '{"name": "Ada Lovelace", "city": "London", "year": 1851}',
        '{"name": "Ada", "city": "London", "year": 1815}',
        '[{"name": "Ada Lovelace", "city": "London"}, {"year": 1815}]',
        '{"name": "Ada Lovelace", "city": "London", "year": 1815',
    ],
    "standard/well-paid": [
        WELL_PAID.replace("name", "*"),
        WELL_PAID.replace("employees", "staff"),
        WELL_PAID.replace("> 50000", "< 50000"),
        WELL_PAID.replace("50000", "500000"),
        WELL_PAID.replace(" DESC", " ASC"),
        WELL_PAID.replace("ORDER BY salary", "ORDER BY name"),
        "You select the name from employees where the salary is above 50000 and order by salary desc.",
    ],
    "tiny/sum": ["2 + 2 = 5", "2 + 2 = 44", "2 + 2 = 4.5", "The result of 2 + 2 is simply 2.", "1, 2, 3, 4, 5"],
    "tiny/is-even": [
        "```python\ndef even(n):\n    return n % 2 == 0\n```",
        "def is_even(n):\n    return n % 2 == 1",
        "is_even(n) returns n % 2 == 0",
        "def is_even(n) return n % 2 == 0",
    ],
    "tiny/older-users": [
        "SELECT * FROM users WHERE age < 30;",
        "SELECT * FROM users WHERE age > 300;",
        "SELECT * FROM users WHERE username IS NULL;",
        "select all columns from users where age > 30",
    ],
    "tiny/city": [
        '{"city": "Paris"}',
        '{"city": "Paris", "country": ""}',
        '{"city": "London", "country": "France"}',
        '```python\nimport json\n\ndef city():\n    return {"city": city',
        "{city: 'Paris', country: 'France'}",
    ],
    "tiny/compiler": [
        "A compiler is a person who compiles lists.",
        "In programming, a variable is a resource that can be used by a program to store data.",
    ],
    "tiny/heading": ["<h1>Helo</h1>", "<h1>Hello</h2>", "<p>Hello</p>", "Hello", "# Hello", "h1 Hello h1"],
    "tiny/abbreviation": ["SQL stands for Standard Query Language.", "SQL: a language for structured data"],
}
